"""The GraphQL face of domain/catalog."""

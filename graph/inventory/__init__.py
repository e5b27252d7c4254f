"""The GraphQL face of domain/inventory."""

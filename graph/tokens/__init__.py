"""The GraphQL face of domain/tokens."""

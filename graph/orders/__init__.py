"""The GraphQL face of domain/orders."""

"""The GraphQL face of domain/users."""

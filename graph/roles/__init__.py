"""The GraphQL face of domain/roles."""

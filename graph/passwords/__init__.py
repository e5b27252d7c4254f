"""The GraphQL face of domain/passwords."""

"""The GraphQL face of domain/customers."""

"""The GraphQL face of domain/identities."""

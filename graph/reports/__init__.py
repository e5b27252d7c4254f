"""The GraphQL face of domain/reports."""

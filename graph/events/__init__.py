"""The GraphQL face of domain/events/."""

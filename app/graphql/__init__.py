"""GraphQL over HTTP, server-sent events and WebSocket: requests in, answers out."""

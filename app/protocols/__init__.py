"""What carries HTTP and WebSocket below ASGI."""

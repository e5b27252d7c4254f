"""The process: settings, wiring, HTTP and WebSocket, live events, sign-in, command line. Knows everybody."""

"""The doors for pages: HTTPS, WebSocket, and the old protocol."""

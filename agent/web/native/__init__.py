"""The native API: HTTPS and WebSocket on port 28443."""

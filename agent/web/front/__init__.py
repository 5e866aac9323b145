"""What stands before every listening port: peer, host, origin, limits, routing."""

"""A stand-in of the government's identity service (ICS), for tests."""

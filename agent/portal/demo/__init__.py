"""The demo: everything that the upgrade needs, on one computer."""

"""Certificates: whose, for what, until when, and whether they still count."""

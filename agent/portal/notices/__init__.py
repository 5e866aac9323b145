"""Notices to members, by e-mail and short message."""

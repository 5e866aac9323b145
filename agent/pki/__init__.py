"""Certificates: read them, build and validate paths, check revocation (RFC 5280).

Callers import from the modules; nothing is imported here, because they load parsers and a path
validator that an idle agent does not need. Uses ``agent.cms`` and what is below; knows no card.
"""

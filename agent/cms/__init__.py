"""Cryptographic Message Syntax (RFC 5652): build, verify and open messages.

Callers import from the modules; nothing is imported here, because most of them load an ASN.1 parser
that an idle agent does not need. Uses ``agent.errors`` and ``agent.harmless`` alone; knows no card.
"""

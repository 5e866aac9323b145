"""Cryptographic Message Syntax (RFC 5652). Takes a signer, knows no card."""

"""The content type of a login that is bound to the site which asked for it (RFC 5652 §3).

The card has one signing key for everything, so the content type is all that tells a login from a
document. Only the agent itself may ever put it under a signature.
"""

from typing import Final

RESERVED: Final = bytes.fromhex("69c7e9888fdfabaa87899cc0a8e7e8e8b9d136")
"""The 19 content octets of the identifier 2.25.47733114528800783309543499702079482038
(ITU-T X.667). They are compared as octets: many parsers cannot hold a number that long. An object
identifier is primitive and contiguous in every encoding, so whoever searches for these octets
finds each occurrence."""

CONTENT_TYPE: Final = bytes((0x06, len(RESERVED))) + RESERVED
"""The same identifier as a DER OBJECT IDENTIFIER, 21 octets."""

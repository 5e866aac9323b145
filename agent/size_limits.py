"""The most bytes of everything that is carried or read: one table, which README repeats.

Whatever is refused for its length alone is refused as :class:`agent.errors.TooLargeError`, or by
the number that its protocol has for that.
"""

from typing import Final

_KIB: Final = 1024
_MIB: Final = 1024 * _KIB

# What pages send to the native API.
MAX_DATA: Final = 4 * _MIB
"""One document, before base64; told as ``max_data``. A longer one is signed by its digest."""
MAX_CIPHERTEXT: Final = _MIB
"""One ciphertext, before base64."""
MAX_MESSAGE: Final = 2 * MAX_DATA
"""One request, all documents of a batch together, as it travels: base64 within JSON."""
MAX_ANSWERED_MESSAGE: Final = 2 * MAX_MESSAGE
"""One WebSocket message that is still answered by its ``id``; a longer one ends the WebSocket."""
MAX_PAGE_PDF: Final = 64 * _MIB
"""One PDF that a page hands over to be signed; it is no part of a request."""
MAX_STRANGER_MESSAGE: Final = 4 * _KIB
"""One request of a site that is not allowed."""

# What pages send to the old port.
MAX_HIPKI_BODY: Final = 16 * _MIB
"""One request; pages sign documents of some hundred kilobytes."""
MAX_HIPKI_UNASKED_BODY: Final = 64 * _KIB
"""One request of a site that the citizen is asked about first."""

# What pages send to the ports of the JRSYS family.
MAX_JRSYS_TEXT: Final = _MIB
"""One text of a request: hex and base64 as they travel, all other as UTF-8."""
MAX_JRSYS_MESSAGE: Final = 4 * _MIB
"""One request as it travels: JSON, which has up to six bytes for a character."""

MAX_PANEL_BODY: Final = 16 * _KIB
"""One request of the panel's own pages."""

# Files, and what is read of the network.
MAX_SIGNED_MESSAGE: Final = 64 * _MIB
"""A SignedData that is verified."""
MAX_ATTACHED_FILE: Final = MAX_SIGNED_MESSAGE - _MIB
"""A file that its signature is to contain, with room for signature and certificates. One that is
signed detached, or by a bare signature, has any length."""
MAX_PDF: Final = 256 * _MIB
"""A PDF that is signed or verified."""
LARGE_GROWTH: Final = 1_000_000
"""Bytes by which evidence may lengthen a PDF before somebody is told."""
MAX_ENVELOPED_MESSAGE: Final = 16 * _MIB
"""An EnvelopedData."""
MAX_AUTHORITIES_FILE: Final = 4 * _MIB
"""One file of authorities' certificates."""
MAX_CRL: Final = 64 * _MIB
"""One list; real ones have some megabytes for 100 000 entries."""


def base64_length(length: int) -> int:
    """Return how many characters ``length`` bytes have in base64 (RFC 4648 §4)."""
    return (length + 2) // 3 * 4

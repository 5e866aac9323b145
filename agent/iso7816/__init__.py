"""ISO/IEC 7816: encode and decode commands, status words and data objects; no I/O.

Uses no other package of the agent. Data objects are in :mod:`agent.iso7816.tlv`.
"""

from agent.iso7816.command import (
    MAX_DATA,
    MAX_LE,
    CommandApdu,
    CommandFormatError,
    ExtendedApdu,
)
from agent.iso7816.status_word import SW, attempts_from_sw, bytes_available, correct_le

__all__ = [
    "MAX_DATA",
    "MAX_LE",
    "SW",
    "CommandApdu",
    "CommandFormatError",
    "ExtendedApdu",
    "attempts_from_sw",
    "bytes_available",
    "correct_le",
]

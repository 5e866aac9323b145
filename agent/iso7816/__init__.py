"""ISO/IEC 7816: encode and decode commands, status words and data objects; no I/O.

Uses no other package of the agent. Data objects are in :mod:`agent.iso7816.tlv`.
"""

from agent.iso7816.command import MAX_DATA, MAX_LE, CommandApdu, CommandFormatError
from agent.iso7816.status_word import SW, bytes_available, correct_le, retries_from_sw

__all__ = [
    "MAX_DATA",
    "MAX_LE",
    "SW",
    "CommandApdu",
    "CommandFormatError",
    "bytes_available",
    "correct_le",
    "retries_from_sw",
]

"""Status words (ISO/IEC 7816-4 §5.6). Unknown ones stay plain integers."""

from enum import IntEnum, unique


@unique
class SW(IntEnum):
    """The status words that the agent or the virtual card uses by name."""

    SUCCESS = 0x9000
    END_OF_FILE = 0x6282  # fewer bytes than Le before the end of the file
    WRONG_LENGTH = 0x6700
    SM_NOT_SUPPORTED = 0x6882
    SECURITY_STATUS_NOT_SATISFIED = 0x6982
    PIN_BLOCKED = 0x6983
    REFERENCE_DATA_NOT_USABLE = 0x6984
    CONDITIONS_NOT_SATISFIED = 0x6985
    NO_CURRENT_EF = 0x6986
    SM_DATA_MISSING = 0x6987
    SM_DATA_INCORRECT = 0x6988
    WRONG_DATA = 0x6A80
    FUNCTION_NOT_SUPPORTED = 0x6A81
    FILE_NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    WRONG_P1_P2 = 0x6A86
    REFERENCE_NOT_FOUND = 0x6A88
    WRONG_OFFSET = 0x6B00
    INS_NOT_SUPPORTED = 0x6D00
    CLA_NOT_SUPPORTED = 0x6E00
    NO_PRECISE_DIAGNOSIS = 0x6F00


def attempts_from_sw(sw: int) -> int | None:
    """Return how many attempts a failed VERIFY left, 0 to 15; None where ``sw`` does not say.

    63Cx carries the count (§7.5.6 of ISO/IEC 7816-4); 6983 means that none is left.
    """
    if sw & 0xFFF0 == 0x63C0:
        return sw & 0x0F
    if sw == SW.PIN_BLOCKED:
        return 0
    return None


def bytes_available(sw: int) -> int | None:
    """Return how many bytes GET RESPONSE can fetch, 1 to 256, after ``61xx``; else None."""
    return (sw & 0xFF or 256) if sw >> 8 == 0x61 else None


def correct_le(sw: int) -> int | None:
    """Return the Le that the card wants, 1 to 256, after ``6Cxx``; else None."""
    return (sw & 0xFF or 256) if sw >> 8 == 0x6C else None

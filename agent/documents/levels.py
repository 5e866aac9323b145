"""How much a signature in a PDF proves by itself (ETSI EN 319 142-1 §6)."""

from enum import StrEnum, unique


@unique
class SignatureLevel(StrEnum):
    """The levels of PAdES, each with what those before it have."""

    B_B = "B-B"  # who signed
    B_T = "B-T"  # and that it was not later than a timestamp says
    B_LT = "B-LT"  # with what the certificates are judged by
    B_LTA = "B-LTA"  # and a timestamp over all of it

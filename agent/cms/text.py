"""Decode ASN.1 character strings of every kind; what is not to be shown is not decided here."""

from agent.cms import der

_ENCODINGS = {
    12: "utf-8",  # UTF8String
    18: "ascii",  # NumericString
    19: "ascii",  # PrintableString
    20: "latin-1",  # TeletexString, by everyone's habit
    22: "ascii",  # IA5String
    26: "ascii",  # VisibleString
    28: "utf-32-be",  # UniversalString
    30: "utf-16-be",  # BMPString
}


def string_value(encoded: bytes) -> str | None:
    """Decode an ASN.1 character string, a whole DER element; return None for any other type.

    The characters pass as they are, controls and direction marks too: a name that was changed is
    another person's. Undecodable octets become U+FFFD.
    """
    encoding = _ENCODINGS.get(encoded[0])
    return None if encoding is None else der.contents(encoded).decode(encoding, errors="replace")

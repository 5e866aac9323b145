"""Decode ASN.1 character strings of every kind to text that is safe to show."""

from asn1crypto import core

from agent.harmless import printable

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


def string_value(value: core.Asn1Value) -> str | None:
    """Decode an ASN.1 character string; return None for any other type.

    Undecodable octets and characters that do not print (controls, direction marks) become U+FFFD,
    because the text is shown to people who decide by it.
    """
    encoding = _ENCODINGS.get(value.tag) if value.class_ == 0 else None
    if encoding is None:
        return None
    text = value.contents.decode(encoding, errors="replace")
    return printable(text)

"""Character strings of every ASN.1 kind as text that is fit to be shown."""

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
    """Decode any ASN.1 character string; octets that make no sense become U+FFFD.

    Characters that do not print (controls, direction marks) become U+FFFD too: what this gives
    is shown to people who decide by it. None when ``value`` is no character string.
    """
    encoding = _ENCODINGS.get(value.tag) if value.class_ == 0 else None
    if encoding is None:
        return None
    text = value.contents.decode(encoding, errors="replace")
    return printable(text)

"""Distinguished names as text, in the form that existing pages parse."""

from asn1crypto import core

from agent.cms import der
from agent.cms.attributes import identifier
from agent.cms.errors import CmsError
from agent.cms.text import string_value

_ATTRIBUTE_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.42": "GN",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
}


_DOTTED = {identifier(oid): oid for oid in _ATTRIBUTE_NAMES}


Attributes = list[list[tuple[str, str]]]
"""Those of a name in order: for each RDN its (dotted OID, text) pairs."""


def attributes(name: bytes) -> Attributes:
    """Return the attributes of a Name in DER (RFC 5280 §4.1.2.4).

    Raises:
        CmsError: it is none.

    """
    relatives = _parts(name, der.SEQUENCE)
    return [[_attribute(item) for item in _parts(each, der.SET)] for each in relatives]


def _attribute(encoded: bytes) -> tuple[str, str]:
    kind, value = _parts(encoded, der.SEQUENCE)
    text = string_value(value)
    known = _DOTTED.get(kind)
    if known is None:
        oid: str = core.ObjectIdentifier.load(kind, strict=True).dotted
        return oid, value.hex() if text is None else text
    if text is None:
        raise CmsError("a name with an attribute that is no text")
    return known, text


def _parts(encoded: bytes, identifier_octet: int) -> list[bytes]:
    if encoded[0] != identifier_octet:
        raise CmsError("a malformed name")
    return der.children(encoded)


def distinguished_name(name: Attributes) -> str:
    """Return a name in forward order, commas without space: ``C=TW,CN=…,serialNumber=…``.

    Nothing is escaped, because the pages that parse it split at commas. Not for comparing names.
    """
    return ",".join(
        "+".join(f"{_ATTRIBUTE_NAMES.get(oid, oid)}={text}" for oid, text in relative)
        for relative in name
    )


def only(name: Attributes, oid: str) -> str | None:
    """Return the one attribute of a type, as text; None where there is none, or several."""
    found = [text for relative in name for kind, text in relative if kind == oid]
    return found[0] if len(found) == 1 else None


def first(name: Attributes, oid: str) -> str | None:
    """Return the first attribute of a type, as text; None where there is none."""
    for relative in name:
        for found, text in relative:
            if found == oid:
                return text
    return None

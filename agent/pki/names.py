"""Distinguished names as text, the way existing pages take them apart."""

from asn1crypto import core, x509

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


def attributes(name: x509.Name) -> list[list[tuple[str, str]]]:
    """List a name's attributes in their order: for each RDN its (dotted OID, text) pairs."""
    return [
        [(item["type"].dotted, _text(item["value"])) for item in relative]
        for relative in name.chosen
    ]


def _text(value: core.Asn1Value) -> str:
    inner = value
    if isinstance(value, core.Choice):
        inner = value.chosen
    elif isinstance(value, core.Any):
        inner = value.parse()
    text = string_value(inner)
    return inner.dump().hex() if text is None else text


def distinguished_name(name: x509.Name) -> str:
    """Write a name forward, commas without space: ``C=TW,CN=…,serialNumber=…``.

    Nothing is escaped, because the pages that read this split at commas and know no escapes; it
    is for display and for them, never for comparing names.
    """
    return ",".join(
        "+".join(f"{_ATTRIBUTE_NAMES.get(oid, oid)}={text}" for oid, text in relative)
        for relative in attributes(name)
    )


def first(name: x509.Name, oid: str) -> str | None:
    """Find the first attribute of that type, as text."""
    for relative in attributes(name):
        for found, text in relative:
            if found == oid:
                return text
    return None

"""DecodeCertificate: the fields of a certificate that the page itself brings.

The names are read from the kits, spelling mistakes included; how each value is written is inferred
(see :mod:`agent.web.jrsys.values`). Every field is always there, and "" where nothing is known:
both kits read all of them before they call their page.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from agent.cms.bounds import MAX_CERTIFICATE
from agent.cms.errors import CmsError
from agent.harmless import unbroken
from agent.web.jrsys.errors import JrsysError, ReturnValue
from agent.web.jrsys.values import Formats, with_case, write_date

if TYPE_CHECKING:
    from agent.pki.certificate import CertificateFacts

OLDER_NAMES: Final[Mapping[str, str]] = {
    "CertVersion": "certVersion",
    "CertNotBefore_display": "certNotBefore_display",
    "CertNotBefore_timet": "certNotBefore_timet",
    "CertNotAfter_display": "certNotAfter_display",
    "CertNotAfter_timet": "certNotAfter_timet",
    "CertSerial": "certSerial",
    "CertSubject": "certSubject",
    "CertIssuer": "certIssuer",
    "CertSubjectAlternativeName": "certSubjectAlternativeName",
    "CertIdentityNoL4": "certIdentityNoL4",
    "CertKeyUsage": "certKeyUsage",
    "CertUniformOID": "certUnifromOrganizationIDString",  # so the kit spells it
    "CertCardHolderRank": "certCardHolderRankString",
}
"""The names of the same fields in the older dialect, which reads them from ``Pro``."""
NAMES: Final = (*OLDER_NAMES, "CertUniqueId")
"""The names of the fields in ``ComCertificatePara``."""


def nothing() -> dict[str, str]:
    """Return all fields empty, for every other answer and for errors."""
    return dict.fromkeys(NAMES, "")


def in_older_names(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields by their names in the older dialect."""
    return {older: fields[name] for name, older in OLDER_NAMES.items()}


def decode_certificate(raw: bytes, formats: Formats) -> dict[str, str]:
    """Describe a certificate.

    Belongs in a thread: a card's certificate takes a millisecond, one that was made to take long
    two tenths of a second, and the first of all loads an ASN.1 parser.

    Args:
        raw: DER, at most 64 KiB, nothing after it.
        formats: of dates, hex and lists.

    Raises:
        JrsysError: longer (33), or no certificate (32).

    """
    from agent.pki.reading import read_certificate  # noqa: PLC0415  # an ASN.1 parser, few need it

    if len(raw) > MAX_CERTIFICATE:
        raise JrsysError(ReturnValue.TOO_LONG)
    try:
        facts = read_certificate(raw)
    except CmsError as error:
        raise JrsysError(ReturnValue.DATA) from error
    return {name: unbroken(text) for name, text in _fields(facts, formats).items()}


def _fields(facts: "CertificateFacts", formats: Formats) -> dict[str, str]:
    return {
        "CertVersion": str(facts.version),
        "CertNotBefore_display": write_date(facts.not_before, formats),
        "CertNotBefore_timet": str(int(facts.not_before.timestamp())),
        "CertNotAfter_display": write_date(facts.not_after, formats),
        "CertNotAfter_timet": str(int(facts.not_after.timestamp())),
        "CertSerial": with_case(facts.serial_hex, formats),
        "CertSubject": facts.subject,
        "CertIssuer": facts.issuer,
        "CertSubjectAlternativeName": facts.email or "",
        "CertIdentityNoL4": facts.id_last4 or "",
        "CertKeyUsage": formats.separator.join(usage.asn1_name for usage in facts.key_usage),
        "CertUniqueId": facts.subject_serial or "",
        "CertUniformOID": facts.uniform_number or "",
        "CertCardHolderRank": facts.card_rank or "",
    }

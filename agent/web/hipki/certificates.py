"""Describe certificates and keys as pages expect: order, labels, usage strings, numbers."""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.harmless import unbroken
from agent.signing.model import CardCertificate

_FIRST_GENERALIZED_YEAR: Final = 2050  # RFC 5280 §4.1.2.5
_KEY_TYPE_RSA: Final = 0  # CKK_RSA
_ORDER: Final = {"ROOTCACert": 0, "CACert": 1, "SIGN": 3, "KEYX": 4}
_OTHER: Final = 2
_LABELS: Final = {
    "ROOTCACert": "ROOT CA Cert",
    "CACert": "CA Cert",
    "SIGN": "cert1",
    "KEYX": "cert2",
}
_KEY_LABELS: Final = {"SIGN": "K1", "KEYX": "K2"}


def without_quotes(text: str) -> str:
    """Replace quotation marks, backslashes, controls and line ends.

    Pages put texts from cards and readers between quotation marks, in JSON that they build by hand.
    """
    return unbroken(text.replace('"', "'").replace("\\", "/"))


def in_order(certificates: Iterable[CardCertificate]) -> list[CardCertificate]:
    """Sort them as the old component lists them: root, authority, signing, encryption.

    Pages take the last one with the usage that they look for: the first of a key comes last.
    """
    backwards = reversed(list(certificates))
    return sorted(backwards, key=lambda certificate: _ORDER.get(certificate.id, _OTHER))


def certificate_object(certificate: CardCertificate) -> dict[str, Any]:
    """Describe one certificate."""
    facts = certificate.facts
    described: dict[str, Any] = {
        "certb64": base64.b64encode(facts.der).decode(),
        "id": _base64_text(certificate.id),
        "label": _LABELS.get(certificate.id, without_quotes(certificate.label)),
        "usage": "|".join(usage.asn1_name for usage in facts.key_usage),
        "subjectDN": without_quotes(facts.subject),
        "subjectCN": without_quotes(facts.subject_cn or ""),
        "issuerDN": without_quotes(facts.issuer),
        "sn": facts.serial_hex.upper(),
        "thumbprint": facts.thumbprint_sha1.hex().upper(),
        "signatureAlgorithm": facts.signature_algorithm,
        "notBefore": _asn1_time(facts.not_before),
        "notAfter": _asn1_time(facts.not_after),
        "notBeforeT": int(facts.not_before.timestamp()),
        "notAfterT": int(facts.not_after.timestamp()),
    }
    if facts.id_last4 is not None:
        described["subjectID"] = facts.id_last4
    if facts.email is not None:
        described["email"] = without_quotes(facts.email)
    return described


def key_objects(certificates: Sequence[CardCertificate]) -> list[dict[str, Any]]:
    """Describe the public keys of a person's certificates (RSAPublicKey, RFC 8017 §A.1.1).

    Where an old certificate was left beside the renewed one, the last one of the key counts.
    """
    described: list[dict[str, Any]] = []
    for certificate in {item.id: item for item in certificates}.values():
        label = _KEY_LABELS.get(certificate.id)
        key = certificate.facts.public_key
        if label is not None and isinstance(key, RSAPublicKey):
            der = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
            described.append(
                {
                    "id": _base64_text(certificate.id),
                    "label": label,
                    "type": _KEY_TYPE_RSA,
                    "keyb64": base64.b64encode(der).decode(),
                }
            )
    return described


def _base64_text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _asn1_time(moment: datetime) -> str:
    short = moment.year < _FIRST_GENERALIZED_YEAR
    return moment.strftime("%y%m%d%H%M%SZ" if short else "%Y%m%d%H%M%SZ")

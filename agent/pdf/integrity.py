"""Whether a signature fits the octets it covers: every algorithm that signers of PDFs use.

By the library, and not by ``agent.cms.verify``: that one takes only what this product makes, and
people verify contracts that were signed with anything. What is too weak to prove something is as
bad as a signature that does not fit.
"""

from hashlib import new
from typing import Final

from asn1crypto import x509
from asn1crypto.cms import ContentInfo
from asn1crypto.keys import PublicKeyInfo
from pyhanko.sign.general import extract_signer_info
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation, validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from agent.pdf.wire import MAX_CERTIFICATES, Integrity

MIN_RSA_BITS: Final = 2048
MIN_CURVE_BITS: Final = 224
_NIST: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_EDWARDS: Final = {"ed25519": 256, "ed448": 456}
_STRONG: Final = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"})
_TIMESTAMP: Final = "/ETSI.RFC3161"
_CONTENT_TYPES: Final = {
    "/ETSI.CAdES.detached": "data",
    "/adbe.pkcs7.detached": "data",
    _TIMESTAMP: "tst_info",
}


def integrity_of(found: EmbeddedPdfSignature, kind: str) -> Integrity:
    """Check a signature by the key of the certificate that it names.

    Args:
        found: as the library read it.
        kind: its ``/SubFilter``.

    """
    certificates = extract_certs_for_validation(found.signed_data)
    signer: x509.Certificate = certificates.signer_cert
    return Integrity(
        problem=_weakness(found, signer) or _misfit(found, signer, kind),
        certificate=signer.dump(),
        others=tuple(each.dump() for each in certificates.other_certs)[:MAX_CERTIFICATES],
        hash=found.md_algorithm,
        key=_key_name(signer.public_key),
    )


def _key_name(key: PublicKeyInfo) -> str:
    if key.algorithm == "ec":
        form, curve = key.curve
        if form == "named" and curve in _NIST:
            return _NIST[curve]
    return f"{key.algorithm} {_bits(key)}"


def _bits(key: PublicKeyInfo) -> int:
    """Return the length of a key, which the library knows of no Edwards curve (RFC 8410)."""
    return _EDWARDS.get(key.algorithm) or int(key.bit_size)


def _weakness(found: EmbeddedPdfSignature, signer: x509.Certificate) -> str:
    """Return what about its algorithms proves nothing any more; "" for nothing."""
    for name in (found.md_algorithm, found.external_md_algorithm):
        if name not in _STRONG:
            return f"the digest algorithm {name}"
    key = signer.public_key
    if key.algorithm in ("rsa", "rsassa_pss") and key.bit_size < MIN_RSA_BITS:
        return f"an RSA key of {key.bit_size} bits"
    if key.algorithm == "ec" and key.bit_size < MIN_CURVE_BITS:
        return f"a curve of {key.bit_size} bits"
    return ""


def _misfit(found: EmbeddedPdfSignature, signer: x509.Certificate, kind: str) -> str:
    """Return why the signature does not fit; "" where it does."""
    own = ContentInfo.load(found.pkcs7_content)
    if any(found.pkcs7_content[len(own.dump()) :]):
        return "octets behind the signature that are no padding"
    info = found.signed_data["encap_content_info"]
    if kind not in _CONTENT_TYPES or info["content_type"].native != _CONTENT_TYPES[kind]:
        return f"no signature as its kind says: {kind}"
    digest = found.compute_digest()
    if kind == _TIMESTAMP:
        if info["content"].parsed["message_imprint"]["hashed_message"].native != digest:
            return "the timestamp is of other octets"
        digest = new(found.md_algorithm, bytes(info["content"])).digest()
    elif info["content"]:
        return "content where there must be none"
    return _refusal(found, signer, digest)


def _refusal(found: EmbeddedPdfSignature, signer: x509.Certificate, digest: bytes) -> str:
    content_type = found.signed_data["encap_content_info"]["content_type"].native
    try:
        intact, valid = validate_sig_integrity(
            extract_signer_info(found.signed_data), signer, content_type, digest
        )
    except SignatureValidationError as error:
        return str(error.failure_message)
    if not intact:
        return "the document is not the one that was signed"
    return "" if valid else "the signature is not by its certificate's key"

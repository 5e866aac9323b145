"""Turn the fields of a page's request into a signature or decryption request of the service."""

from typing import Final, TypeVar

from agent.cards.card import ID_SIGN
from agent.cms.bounds import MAX_NONCE
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.secret import SecretBytes
from agent.signing.model import (
    DecryptFormat,
    DecryptionRequest,
    SignatureFormat,
    SignatureRequest,
)
from agent.web.hipki.errors import HipkiError, Major
from agent.web.hipki.fields import RequestFields

T = TypeVar("T")

_RAW: Final = "RAW"
_FORMATS: Final = {
    "": SignatureFormat.CMS,
    "PKCS7": SignatureFormat.CMS,
    "PKCS1": SignatureFormat.PKCS1,
}
_HASHES: Final = {
    "": HashAlgorithm.SHA256,
    "SHA1": HashAlgorithm.SHA1,
    "SHA256": HashAlgorithm.SHA256,
    "SHA384": HashAlgorithm.SHA384,
    "SHA512": HashAlgorithm.SHA512,
}
_CIPHERS: Final = {
    "": DecryptFormat.CMS,
    "PKCS7": DecryptFormat.CMS,
    "PKCS1": DecryptFormat.PKCS1,
}
_MAX_KEY_ID: Final = 32  # bytes; the longest in use has ten


def pin_of(fields: RequestFields) -> SecretBytes:
    """Return the PIN; only this copy can be wiped, not the text that it came in.

    Raises:
        HipkiError: 0x76000998: there is none.

    """
    pin = fields.text("pin")
    if not pin:
        raise HipkiError(Major.PIN_MISSING)
    return SecretBytes.from_text(pin)


def sign_request(fields: RequestFields, reader: str | None) -> SignatureRequest:
    """Read what is to be signed, and how.

    Args:
        fields: of MakeSignature.
        reader: of the card to use; None for any.

    Raises:
        HipkiError: a field is missing or has no meaning; its number tells which.

    """
    kind = fields.text("signatureType").upper()
    data = _tbs(fields)
    if kind == _RAW:
        document, algorithm, form = _digest_alone(data)
    else:
        document, algorithm = Document(data=data), _hash(fields)
        form = _known(_FORMATS, kind)
    is_cms = form is SignatureFormat.CMS
    return SignatureRequest(
        documents=(document,),
        hash=algorithm,
        format=form,
        reader=reader,
        card_number=fields.card_number,
        nonce=_nonce(fields) if is_cms else None,
        signing_certificate=False,
        signing_time=fields.flag("withSigningTime", default=True),
        card_serial=is_cms and fields.flag("withCardSN"),
        check_validity=fields.flag("checkValidity", default=True),
        key_id=_key_id(fields),
        expects_sha1=True,
        citizen_card=True,
    )


def decrypt_request(fields: RequestFields, reader: str | None) -> DecryptionRequest:
    """Read what is to be decrypted.

    Args:
        fields: of DecryptData.
        reader: of the card to use; None for any.

    Raises:
        HipkiError: as :func:`sign_request`.

    """
    if not fields.text("cipher"):
        raise HipkiError(Major.CIPHER_MISSING)
    form = _known(_CIPHERS, fields.text("cipherType").upper())
    cipher = fields.octets("cipher")
    return DecryptionRequest(cipher, form, reader, fields.card_number, citizen_card=True)


def _digest_alone(octets: bytes) -> tuple[Document, HashAlgorithm, SignatureFormat]:
    try:
        algorithm, digest = HashAlgorithm.read_digest(octets)
    except CmsError as error:
        raise HipkiError(Major.BAD_PARAMETER) from error
    return Document(digest=digest), algorithm, SignatureFormat.PKCS1


def _tbs(fields: RequestFields) -> bytes:
    text = fields.text("tbs")
    if not text:
        raise HipkiError(Major.TBS_MISSING)
    if fields.text("tbsEncoding").lower() == "base64":
        return fields.octets("tbs")
    return text.encode()


def _hash(fields: RequestFields) -> HashAlgorithm:
    return _known(_HASHES, fields.text("hashAlgorithm").upper().replace("-", ""))


def _nonce(fields: RequestFields) -> bytes | None:
    nonce = fields.text("nonce").encode()
    if len(nonce) > MAX_NONCE:
        raise HipkiError(Major.BAD_PARAMETER)
    return nonce or None


def _key_id(fields: RequestFields) -> bytes:
    if not fields.text("keyidb64"):
        return ID_SIGN
    key_id = fields.octets("keyidb64")
    if not 0 < len(key_id) <= _MAX_KEY_ID:
        raise HipkiError(Major.BAD_PARAMETER)
    return key_id


def _known(table: dict[str, T], name: str) -> T:
    if name not in table:
        raise HipkiError(Major.BAD_PARAMETER)
    return table[name]

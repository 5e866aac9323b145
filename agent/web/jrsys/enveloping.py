"""RsaEncryptP11 with ``HexCert``: encrypt plain text to a certificate that the page brings."""

from agent.cms.bounds import MAX_CERTIFICATE
from agent.cms.encrypted_content import AesCbc
from agent.cms.errors import CmsError
from agent.web.jrsys.errors import JrsysError, ReturnValue
from agent.web.jrsys.values import Formats, cipher, read_hex, read_plain, write_hex


def envelope(text: object, certificate: object, algorithm: object, formats: Formats) -> str:
    """Return a CMS EnvelopedData (RFC 5652 §6) in DER, in hex.

    Belongs in a thread: 1 MiB takes some milliseconds, a certificate that was made to take long
    some tenths of a second, and the first of all loads an ASN.1 parser.

    Args:
        text: plain text, at most 1 MiB, as JSON had it.
        certificate: of the recipient, hex of DER.
        algorithm: the number of the cipher, see :func:`~agent.web.jrsys.values.cipher`.
        formats: of the text and of hex.

    Raises:
        JrsysError: no text or no number (7), not hex or no certificate (32), too long (33), a
            certificate whose key is not RSA of 2048 bits or more (130), no such cipher (112).

    """
    chosen = cipher(algorithm)
    raw = read_hex(certificate)
    if len(raw) > MAX_CERTIFICATE:
        raise JrsysError(ReturnValue.TOO_LONG)
    return write_hex(_sealed(read_plain(text, formats), raw, chosen), formats)


def _sealed(content: bytes, certificate: bytes, chosen: AesCbc) -> bytes:
    # ASN.1 parsers, which an agent that no page asks to encrypt does without.
    from agent.cms.sealing import seal  # noqa: PLC0415
    from agent.pki.reading import read_certificate  # noqa: PLC0415

    try:
        read_certificate(certificate)
    except CmsError as error:
        raise JrsysError(ReturnValue.DATA) from error
    try:
        return seal(content, certificate, chosen)
    except CmsError as error:  # of a certificate that can be read, nothing but its key is wrong
        raise JrsysError(ReturnValue.OBJECT_MISSING) from error

"""What a certificate's key means for a signature: its format, its digests, what it is called."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agent.cms.certificate_fields import CertificateFields
from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError
from agent.cms.keys import SignerKey, algorithm_name, hashes_of, public_key, signer_key
from agent.errors import BadRequestError, SpoiltCertificateError
from agent.pki.certificate import CertificateFacts
from agent.signing.model import SignatureFormat


def signing_key(facts: CertificateFacts) -> SignerKey:
    """Return the key that signs; found wrong here, it costs no PIN.

    Raises:
        SpoiltCertificateError: no signature by it could be checked.

    """
    try:
        key = signer_key(facts.public_key)
        if isinstance(key, RSAPublicKey):
            return key
        return public_key(CertificateFields.of(facts.der).public_key)
    except CmsError as error:
        raise SpoiltCertificateError(error.detail) from error


def bare_format(facts: CertificateFacts) -> SignatureFormat:
    """Return the format of a signature of this key that is wrapped in nothing."""
    is_rsa = isinstance(facts.public_key, RSAPublicKey)
    return SignatureFormat.PKCS1 if is_rsa else SignatureFormat.ECDSA


def require_bare_format(facts: CertificateFacts, form: SignatureFormat) -> None:
    """Refuse a bare format of the other kind of key.

    Raises:
        BadRequestError: the key makes no such signature; the text names the format that it makes.

    """
    fitting = bare_format(facts)
    if form.is_bare and form is not fitting:
        raise BadRequestError(f"the card's key signs in the format {fitting}, not {form}")


def usual_hash(facts: CertificateFacts) -> HashAlgorithm:
    """Return the digest algorithm that this key signs with where none is asked for.

    Raises:
        SpoiltCertificateError: no signature by it could be checked.

    """
    return hashes_of(signing_key(facts))[0]


def signature_name(facts: CertificateFacts, algorithm: HashAlgorithm) -> str:
    """Return what the signature algorithm is called: ``sha256WithRSAEncryption``.

    Raises:
        CmsError: the digest algorithm does not go with the key.
        SpoiltCertificateError: no signature by it could be checked.

    """
    return algorithm_name(signing_key(facts), algorithm)

"""ID tokens as an operator signs them, and as somebody forges them."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_OCTETS = 32


def new_key() -> EllipticCurvePrivateKey:
    """Return a new P-256 key."""
    return generate_private_key(SECP256R1())


def public_jwk(key: EllipticCurvePrivateKey, kid: str) -> Mapping[str, str]:
    """Return the public half as a JSON Web Key (RFC 7518 §6.2)."""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "kid": kid,
        "use": "sig",
        "x": _base64url(numbers.x.to_bytes(_OCTETS)),
        "y": _base64url(numbers.y.to_bytes(_OCTETS)),
    }


def sign_token(key: EllipticCurvePrivateKey, kid: str, claims: Mapping[str, object]) -> str:
    """Return a compact JWS by ES256 (RFC 7518 §3.4)."""
    head = msgspec.json.encode({"alg": "ES256", "kid": kid})
    signed = f"{_base64url(head)}.{_base64url(msgspec.json.encode(claims))}"
    r, s = decode_dss_signature(key.sign(signed.encode("ascii"), ECDSA(hashes.SHA256())))
    return f"{signed}.{_base64url(r.to_bytes(_OCTETS) + s.to_bytes(_OCTETS))}"


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")

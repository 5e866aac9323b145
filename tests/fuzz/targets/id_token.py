"""ID tokens and refusals of a mobile operator, which come from another company's server."""

from collections.abc import Iterator
from contextlib import suppress

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from agent.portal.telecom.client import _failure
from agent.portal.telecom.idtoken import (
    ExpectedToken,
    IdTokenError,
    JsonWebKeySet,
    at_hash,
    check_id_token,
    encode_base64url,
)
from agent.portal.telecom.standin.tokens import new_key, public_jwk

REFUSALS = (IdTokenError,)
NOW = 1_800_000_000
KEY = new_key()
EXPECTED = ExpectedToken("https://operator.example", "portal", "n" * 43, "access", NOW)
CLAIMS = {
    "iss": EXPECTED.issuer,
    "aud": EXPECTED.audience,
    "nonce": EXPECTED.nonce,
    "iat": NOW,
    "exp": NOW + 300,
    "at_hash": at_hash(EXPECTED.access_token),
}
OURS = msgspec.convert({"keys": [public_jwk(KEY, "one")]}, JsonWebKeySet)
WORDS = (b'"alg":"', b'"kid":"one"', b'"crit":', b'"iss":"', b'"aud":["', b'"exp":', b'"nonce":"')


def one(data: bytes) -> bool:
    """Check a token of a header and claims, which the operator's own key has signed."""
    _failure(400, data)
    with suppress(IdTokenError):
        check_id_token(data.decode("utf-8", "replace"), OURS, EXPECTED)
    header, _, claims = data.partition(b"\n")
    signed = f"{encode_base64url(header)}.{encode_base64url(claims)}"
    r, s = decode_dss_signature(KEY.sign(signed.encode(), ECDSA(SHA256())))
    sealed = encode_base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    check_id_token(f"{signed}.{sealed}", OURS, EXPECTED)
    return True


def seeds() -> Iterator[tuple[bytes, bool]]:
    yield b'{"alg":"ES256","kid":"one"}\n' + msgspec.json.encode(CLAIMS), True

"""ID tokens: what is checked, and what nobody can choose or leave out."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from hypothesis import given
from hypothesis import strategies as st

from agent.portal.telecom.idtoken import (
    ExpectedToken,
    IdTokenError,
    JsonWebKeySet,
    at_hash,
    check_id_token,
    decode_base64url,
    encode_base64url,
)
from agent.portal.telecom.standin.tokens import new_key, public_jwk, sign_token
from tests.portal.support import rsa_key

NOW = 1_800_000_000
KEY = new_key()
EXPECTED = ExpectedToken("https://operator.example", "portal", "n" * 43, "access", NOW)
CLAIMS: Mapping[str, object] = {
    "iss": EXPECTED.issuer,
    "aud": EXPECTED.audience,
    "nonce": EXPECTED.nonce,
    "iat": NOW,
    "exp": NOW + 300,
    "at_hash": at_hash(EXPECTED.access_token),
}


def keys(*jwks: Mapping[str, str]) -> JsonWebKeySet:
    return msgspec.convert({"keys": list(jwks)}, JsonWebKeySet)


OURS = keys(public_jwk(KEY, "one"))


def test_a_token_that_says_what_is_expected_counts() -> None:
    check_id_token(sign_token(KEY, "one", CLAIMS), OURS, EXPECTED)
    check_id_token(sign_token(KEY, "one", {**CLAIMS, "aud": ["portal"]}), OURS, EXPECTED)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"iss": "https://operator.example/"}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"aud": ["portal", "another"]}, "audience"),
        ({"aud": []}, "audience"),
        ({"nonce": "m" * 43}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"exp": NOW - 61}, "expiry"),
        ({"iat": NOW - 601}, "age"),
        ({"iat": NOW + 61}, "age"),
        ({"at_hash": at_hash("another")}, "access token"),
        ({"exp": "never"}, "claims"),
        ({"nonce": None}, "claims"),
    ],
)
def test_each_claim_is_checked(change: dict[str, object], check: str) -> None:
    with pytest.raises(IdTokenError, match=check):
        check_id_token(sign_token(KEY, "one", {**CLAIMS, **change}), OURS, EXPECTED)


@pytest.mark.parametrize("left_out", list(CLAIMS))
def test_no_claim_may_be_left_out(left_out: str) -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != left_out}
    with pytest.raises(IdTokenError, match="claims"):
        check_id_token(sign_token(KEY, "one", claims), OURS, EXPECTED)


def _with_header(header: Mapping[str, object]) -> str:
    _, payload, signature = sign_token(KEY, "one", CLAIMS).split(".")
    return f"{encode_base64url(json.dumps(header).encode())}.{payload}.{signature}"


@pytest.mark.parametrize(
    ("header", "check"),
    [
        ({"alg": "none", "kid": "one"}, "algorithm"),
        ({"alg": "HS256", "kid": "one"}, "algorithm"),
        ({"alg": "RS256", "kid": "one"}, "signature"),
        ({"alg": "ES256", "kid": "two"}, "key"),
        ({"alg": "ES256"}, "key"),
        ({"alg": "ES256", "kid": "one", "crit": ["b64"]}, "critical"),
        ({"alg": "ES256", "kid": "one", "typ": "changed"}, "signature"),
        ({"kid": "one"}, "header"),
    ],
)
def test_the_header_chooses_nothing(header: Mapping[str, object], check: str) -> None:
    with pytest.raises(IdTokenError, match=check):
        check_id_token(_with_header(header), OURS, EXPECTED)


def test_a_key_is_for_signatures_and_named_once() -> None:
    token = sign_token(KEY, "one", CLAIMS)
    jwk = public_jwk(KEY, "one")
    for wrong in (
        keys(),
        keys(jwk, jwk),
        keys({**jwk, "use": "enc"}),
        keys({**jwk, "crv": "P-384"}),
        keys({**jwk, "x": jwk["y"]}),
        keys({**jwk, "x": ""}),
        keys(public_jwk(new_key(), "one")),
    ):
        with pytest.raises(IdTokenError):
            check_id_token(token, wrong, EXPECTED)


def test_an_rsa_key_signs_by_rs256() -> None:
    key = rsa_key("operator")
    numbers = key.public_key().public_numbers()
    jwk = {
        "kty": "RSA",
        "kid": "rsa",
        "n": encode_base64url(numbers.n.to_bytes(key.key_size // 8)),
        "e": encode_base64url(numbers.e.to_bytes(3)),
    }
    head = encode_base64url(b'{"alg":"RS256","kid":"rsa"}')
    signed = f"{head}.{encode_base64url(msgspec.json.encode(CLAIMS))}"
    signature = key.sign(signed.encode(), PKCS1v15(), hashes.SHA256())
    check_id_token(f"{signed}.{encode_base64url(signature)}", keys(jwk), EXPECTED)
    with pytest.raises(IdTokenError, match="signature"):
        check_id_token(f"{signed}.{encode_base64url(signature[::-1])}", keys(jwk), EXPECTED)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "..", "a.b.c.d", "é.é.é", "=.=.="])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(IdTokenError):
        check_id_token(token, OURS, EXPECTED)


@given(st.text())
def test_any_text_is_a_token_or_refused(text: str) -> None:
    with pytest.raises(IdTokenError):
        check_id_token(text, OURS, EXPECTED)


@given(st.binary(min_size=1))
def test_base64url_has_no_padding_and_comes_back(data: bytes) -> None:
    assert decode_base64url(encode_base64url(data)) == data
    if len(data) % 3:
        with pytest.raises(ValueError, match="base64url"):
            decode_base64url(urlsafe_b64encode(data).decode())

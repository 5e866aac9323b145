"""A releaser of the tests' own."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.host.update.manifest import ReleaseManifest, sign

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def public(key: Ed25519PrivateKey = KEY) -> str:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def said(**changes: Any) -> ReleaseManifest:
    usual: dict[str, Any] = {
        "number": 7,
        "issued": NOW - timedelta(days=1),
        "expires": NOW + timedelta(days=30),
        "newest": "9.2.0",
        "floor": "0.1.0",
        "page": "https://ankong.example/download",
        "reason": {},
    }
    return ReleaseManifest(**{**usual, **changes})


def signed(key: Ed25519PrivateKey = KEY, **changes: Any) -> bytes:
    return sign(said(**changes), key)

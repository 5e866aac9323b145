"""The manifest of releases, signed by whoever has the key: its form still is judged."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.host.update.manifest import BadManifestError, _signed_bytes, accept, read
from tests.fuzz.examples import MOMENT

REFUSALS = (BadManifestError,)
WORDS = (
    b'"number":',
    b'"issued":"',
    b'"expires":"',
    b'"newest":"',
    b'"floor":"',
    b'"page":"https://',
    b'"reason":{',
)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = (KEY.public_key().public_bytes_raw().hex(),)
GOOD = (
    b'{"expires":"2026-07-15T00:00:00Z","floor":"0.1.0","issued":"2026-06-01T00:00:00Z",'
    b'"newest":"0.2.0","number":7,"page":"https://portal.example/new","reason":{"zh-TW":"..."}}\n'
)


def one(data: bytes) -> int:
    try:
        read(data, KEYS)
    except BadManifestError:
        pass
    else:
        raise AssertionError("nobody signed this")
    signature = KEY.sign(_signed_bytes(data)).hex().encode()
    whole = b"ankong-update-v1 %s\n%s" % (signature, data)
    found = accept(whole, KEYS, MOMENT)
    assert found.issued < found.expires
    return found.number


def seeds() -> Iterator[tuple[bytes, int]]:
    yield GOOD, 7

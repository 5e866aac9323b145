r"""The manifest of releases: one line with a signature, then exactly the bytes that were signed.

::

    ankong-update-v1 <128 hexadecimal digits>\n
    {"expires":"…","floor":"0.1.0","issued":"…","newest":"0.2.0","number":7}\n

The signature (Ed25519, RFC 8032) is over the first word, the line's end and all that follows the
line; so nothing is parsed before its signer is known. ``page`` and ``reason`` may
be there too. Times are in UTC, by the second.
"""

import re
from binascii import unhexlify
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct

from agent import strict_json
from agent.errors import AgentError
from agent.host.update import version

MAX_SIZE: Final = 8 * 1024
"""Bytes of the whole; a manifest has a few hundred."""
MAX_LIFE: Final = timedelta(days=400)
SKEW: Final = timedelta(days=1)
"""How far a citizen's clock may be behind."""
_MAGIC: Final = b"ankong-update-v1"
_HEAD: Final = re.compile(rb"ankong-update-v1 ([0-9a-f]{128})")
_KEY: Final = re.compile(r"[0-9a-f]{64}")
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_Tag = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}\Z")]  # BCP 47
_Reason = Annotated[str, Meta(min_length=1, max_length=200)]


class BadManifestError(AgentError):
    """The manifest must not be used; ``detail`` says why."""


class _Content(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The signed object as it is written; see :class:`ReleaseManifest`."""

    number: Annotated[int, Meta(ge=1, lt=2**53)]  # what every reader of JSON knows exactly
    issued: str
    expires: str
    newest: str
    floor: str
    page: Annotated[str, Meta(pattern=r"^(https://[!-~]+)?\Z", max_length=200)] = ""
    reason: dict[_Tag, _Reason] = {}


@dataclass(frozen=True, slots=True)
class ReleaseManifest:
    """What a manifest says.

    Attributes:
        number: grows with each manifest.
        issued: from when it is valid.
        expires: until when it may be accepted.
        newest: the newest version.
        floor: the oldest version that may still sign.
        page: address where a person gets the newest; empty for where they got the last one.
        reason: of the floor, by BCP 47 tags, some perhaps unknown here; may be empty.

    """

    number: int
    issued: datetime
    expires: datetime
    newest: str
    floor: str
    page: str
    reason: Mapping[str, str]


def read(content: bytes, keys: Iterable[str]) -> ReleaseManifest:
    """Read a manifest, whatever its age.

    Args:
        content: of the whole file.
        keys: trusted public keys, 64 hexadecimal digits each.

    Raises:
        BadManifestError: none of them has signed it, or it is malformed.

    """
    if len(content) > MAX_SIZE:
        raise BadManifestError(f"longer than {MAX_SIZE} bytes")
    head, _, body = content.partition(b"\n")
    found = _HEAD.fullmatch(head)
    if found is None:
        raise BadManifestError("not a manifest")
    if not any(_is_signed(unhexlify(found[1]), body, key) for key in keys):
        raise BadManifestError("not signed by a trusted key")
    try:
        return _understood(body)
    except (ValueError, OverflowError) as error:  # a year may be too large for a datetime
        raise BadManifestError(f"it makes no sense: {error}") from error


def accept(
    content: bytes,
    keys: Iterable[str],
    now: datetime,
    before: tuple[bytes, ReleaseManifest] | None = None,
) -> ReleaseManifest:
    """Read a manifest that was fetched just now.

    Args:
        content: as :func:`read`.
        keys: as :func:`read`.
        now: the time, with a time zone.
        before: the last one that was accepted, with its bytes; no older one takes its place.

    Raises:
        BadManifestError: as :func:`read`; or it is out of date, or older than ``before``.

    """
    found = read(content, keys)
    if found.issued > now + SKEW:
        raise BadManifestError("from the future: the clock is wrong, or the manifest")
    if now >= found.expires:
        raise BadManifestError("out of date")
    if before is not None and found.number < before[1].number:
        raise BadManifestError("older than the last one")
    if before is not None and found.number == before[1].number and content != before[0]:
        raise BadManifestError("another one of the same number")
    return found


def sign(said: ReleaseManifest, key: Ed25519PrivateKey) -> bytes:
    """Return a signed manifest.

    Raises:
        BadManifestError: agents would refuse it.

    """
    content = _Content(
        number=said.number,
        issued=said.issued.astimezone(UTC).strftime(_TIME),
        expires=said.expires.astimezone(UTC).strftime(_TIME),
        newest=said.newest,
        floor=said.floor,
        page=said.page,
        reason=dict(said.reason),
    )
    body = msgspec.json.encode(content, order="sorted") + b"\n"
    try:
        _understood(body)
    except (ValueError, OverflowError) as error:
        raise BadManifestError(str(error)) from error
    return b"%s %s\n%s" % (_MAGIC, key.sign(_signed_bytes(body)).hex().encode(), body)


def is_key(text: str) -> bool:
    """Return whether a text is the form of a public key: 64 lower-case hexadecimal digits."""
    return _KEY.fullmatch(text) is not None


def _signed_bytes(body: bytes) -> bytes:
    return _MAGIC + b"\n" + body


def _is_signed(signature: bytes, body: bytes, key: str) -> bool:
    if not is_key(key):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(unhexlify(key)).verify(signature, _signed_bytes(body))
    except (InvalidSignature, ValueError):
        return False
    return True


def _understood(body: bytes) -> ReleaseManifest:
    said = strict_json.decode(body, _Content, limit=MAX_SIZE)
    issued, expires = _time(said.issued), _time(said.expires)
    if not issued < expires <= issued + MAX_LIFE:
        raise ValueError("expires")
    if version.is_older(said.newest, said.floor):
        raise ValueError("the newest version is below the floor")
    if said.page and not urlsplit(said.page).hostname:
        raise ValueError("page")
    if not all(text.isprintable() for text in said.reason.values()):
        raise ValueError("reason")
    return ReleaseManifest(
        said.number, issued, expires, said.newest, said.floor, said.page, said.reason
    )


def _time(text: str) -> datetime:
    found = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    if found.strftime(_TIME) != text:
        raise ValueError("not a time")
    return found

r"""The manifest of releases: one line with a signature, then exactly the bytes that were signed.

::

    ankong-update-v1 <128 hexadecimal digits>\n
    {"expires":"…","floor":"0.1.0","issued":"…","newest":"0.2.0","number":7}\n

The signature (Ed25519, RFC 8032) is over the first word, the line's end and all that follows the
line; so nothing of it is parsed before it is known whose word it is. ``page`` and ``reason`` may
be there too. Times are in UTC, by the second.
"""

import json
import re
from binascii import unhexlify
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

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
_NEEDED: Final = frozenset({"number", "issued", "expires", "newest", "floor"})
_OPTIONAL: Final = frozenset({"page", "reason"})
_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")  # of a language, BCP 47
_MAX_NUMBER: Final = 2**53  # that every reader of JSON knows exactly
_MAX_PAGE: Final = 200  # characters
_MAX_REASON: Final = 200  # characters


class BadManifestError(AgentError):
    """A manifest that does not count; ``detail`` says why."""


@dataclass(frozen=True, slots=True)
class ReleaseManifest:
    """What a manifest says.

    Attributes:
        number: grows with each manifest.
        issued: from when it counts.
        expires: until when it may be heard for the first time.
        newest: version that there is.
        floor: version below which nobody should sign any more.
        page: where a person gets it; empty for where they got the last one.
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
        keys: whose word counts, 64 hexadecimal digits each.

    Raises:
        BadManifestError: none of them has signed it, or it says nothing that makes sense.

    """
    if len(content) > MAX_SIZE:
        raise BadManifestError(f"longer than {MAX_SIZE} bytes")
    head, _, body = content.partition(b"\n")
    found = _HEAD.fullmatch(head)
    if found is None:
        raise BadManifestError("not a manifest")
    if not any(_is_signed(unhexlify(found[1]), body, key) for key in keys):
        raise BadManifestError("signed by nobody whose word counts")
    try:
        return _understood(json.loads(body.decode(), object_pairs_hook=_once))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
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
    """Write a manifest and sign it.

    Raises:
        BadManifestError: it would make no sense to those who read it.

    """
    content: dict[str, Any] = {
        "number": said.number,
        "issued": said.issued.astimezone(UTC).strftime(_TIME),
        "expires": said.expires.astimezone(UTC).strftime(_TIME),
        "newest": said.newest,
        "floor": said.floor,
    }
    if said.page:
        content["page"] = said.page
    if said.reason:
        content["reason"] = dict(said.reason)
    try:
        _understood(content)
    except (ValueError, TypeError, KeyError) as error:
        raise BadManifestError(str(error)) from error
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    body = f"{text}\n".encode()
    return b"%s %s\n%s" % (_MAGIC, key.sign(_signed_bytes(body)).hex().encode(), body)


def is_key(text: str) -> bool:
    """Return whether a text has the form of a public key."""
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


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what is said twice: two readers might each believe another."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _understood(content: Any) -> ReleaseManifest:
    if not isinstance(content, dict) or not _NEEDED <= content.keys() <= _NEEDED | _OPTIONAL:
        raise ValueError("other names than the known ones")
    page, reason = content.get("page", ""), content.get("reason", {})
    if not isinstance(reason, dict):
        raise TypeError("reason")
    number, newest, floor = content["number"], content["newest"], content["floor"]
    texts = [newest, floor, content["issued"], content["expires"], page, *reason.values()]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is none")
    if type(number) is not int or not 0 < number < _MAX_NUMBER:
        raise ValueError("number")
    issued, expires = _time(content["issued"]), _time(content["expires"])
    if not issued < expires <= issued + MAX_LIFE:
        raise ValueError("expires")
    if version.is_older(newest, floor):
        raise ValueError("the newest version is below the floor")
    _check_page(page)
    _check_reason(reason)
    return ReleaseManifest(number, issued, expires, newest, floor, page, reason)


def _time(text: str) -> datetime:
    found = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    if found.strftime(_TIME) != text:
        raise ValueError("not a time")
    return found


def _check_page(page: str) -> None:
    if page and (
        len(page) > _MAX_PAGE
        or not page.isascii()
        or not page.isprintable()
        or " " in page
        or urlsplit(page).scheme != "https"
        or not urlsplit(page).hostname
    ):
        raise ValueError("page")


def _check_reason(reason: Mapping[str, str]) -> None:
    for tag, text in reason.items():
        if not _TAG.fullmatch(tag):
            raise ValueError("reason")
        if not text.isprintable() or not 0 < len(text) <= _MAX_REASON:
            raise ValueError("reason")

"""Encrypted messages that a page asks the card to open (CMS EnvelopedData)."""

from collections.abc import Iterator
from contextlib import suppress

from agent.cms.encrypted_content import AesCbc
from agent.cms.enveloped import parse
from agent.cms.errors import CmsError
from agent.cms.sealing import seal
from tests.fuzz.examples import certificate

REFUSALS = (CmsError,)
LONGEST = 8192


def one(data: bytes) -> int:
    found = parse(data, certificate("KEYX"))
    with suppress(CmsError):
        found.open(b"\x00\x02" + b"\x01" * 221 + b"\x00" + bytes(32))
    return len(found.encrypted_key)


def seeds() -> Iterator[tuple[bytes, int]]:
    for cipher in AesCbc:
        yield seal(b"for you alone", certificate("KEYX"), cipher), 256

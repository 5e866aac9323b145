"""Certificates: the facts of one, and what pages of the JRSYS family are told of it."""

from collections.abc import Iterator

from agent.cms.errors import CmsError
from agent.pki.reading import read_certificate
from agent.web.jrsys.decode import decode_certificate
from agent.web.jrsys.values import Formats
from tests.fuzz.examples import certificate, root

REFUSALS = (CmsError,)
LONGEST = 8192


def one(data: bytes) -> str:
    facts = read_certificate(data)
    assert facts.not_before.tzinfo is not None
    assert int(facts.serial_hex, 16) == abs(facts.serial)
    assert all(isinstance(text, str) for text in decode_certificate(data, Formats()).values())
    return facts.subject_cn or ""


def seeds() -> Iterator[tuple[bytes, str]]:
    yield certificate("SIGN"), "王測試"
    yield certificate("KEYX"), "王測試"
    yield root(), read_certificate(root()).subject_cn or "none"

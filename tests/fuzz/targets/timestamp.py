"""Timestamps: an authority's answer, its token, and a message that carries one (RFC 3161)."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from agent.cms.errors import CmsError
from agent.cms.signed import timestamp_in, with_timestamp
from agent.cms.timestamp import read_answer, read_token
from tests.documents.time_authorities import authority
from tests.fuzz.examples import MOMENT, TIME_REQUEST

REFUSALS = (CmsError,)
LONGEST = 16_384


def one(data: bytes) -> datetime:
    with suppress(CmsError):
        timestamp_in(data)
    with suppress(CmsError):
        with_timestamp(data, b"\x30\x00")
    with suppress(CmsError):
        found = read_token(data, b"signature").time
        assert found == MOMENT  # whoever cannot sign cannot say another time
        return found
    found = read_answer(data, TIME_REQUEST).time
    assert found == MOMENT
    return found


def seeds() -> Iterator[tuple[bytes, datetime]]:
    answer = authority(now=lambda: MOMENT).answer(TIME_REQUEST.encode())
    yield answer, MOMENT
    yield read_answer(answer, TIME_REQUEST).token, MOMENT

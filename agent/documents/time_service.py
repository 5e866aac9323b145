"""Get timestamps of the authority that the settings name, and judge those that documents have."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from agent.cms.errors import CmsError
from agent.cms.timestamp import MAX_ANSWER, Timestamp, TimestampRequest, read_answer
from agent.documents.authority_http import SECONDS, AuthorityError, post_query
from agent.errors import AgentError, ErrorCode
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.path import PathResult, judge_path, judge_unlisted
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import RevocationData
from agent.turns import in_turn

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far this computer's clock and the authority's may be apart before somebody is told."""


def now() -> datetime:
    """Return the time of this computer's clock, UTC."""
    return datetime.now(UTC)


class TimeService:
    """The authority for timestamps.

    Attributes:
        apart: how far the authority's clock is ahead of ours, where that was too far at the last
            timestamp; None where it was not.

    """

    def __init__(
        self,
        url: str,
        anchors: Sequence[Path],
        *,
        seconds: float = SECONDS,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """Remember whom to ask.

        Args:
            url: the authority's address, from the settings or a policy.
            anchors: files or folders of authorities that are trusted for the time.
            seconds: how long it may take.
            clock: this computer's, with a time zone.

        """
        self._url = url
        self._anchors = tuple(anchors)
        self._seconds = seconds
        self._clock = clock
        self.apart: timedelta | None = None

    async def stamp(self, digest: bytes) -> Timestamp:
        """Return a timestamp of a SHA-256 digest, by an authority that is trusted.

        Raises:
            AgentError: ``timestamp_failed``, there is none.

        """
        request = TimestampRequest.of(digest)
        try:
            answer = await post_query(self._url, request.encode(), MAX_ANSWER, self._seconds)
            found = read_answer(answer, request)
            store = await asyncio.to_thread(TrustStore.load, self._anchors)
            path = await in_turn(_judge_now, found, store, found.time)
        except (AuthorityError, CmsError) as error:
            raise _failed(str(error)) from error
        if path.status is not PathStatus.VALID:
            raise _failed(f"its certificate is {path.status}: {path.verdict.detail}")
        apart = found.time - self._clock()
        self.apart = apart if abs(apart) > CLOCK_TOLERANCE else None
        return found


def _judge_now(found: Timestamp, store: TrustStore, at: datetime) -> PathResult:
    facts = read_certificate(found.certificate)
    return judge_unlisted(facts, store.with_hints(found.others), at)


def judge_timestamp(
    found: Timestamp, store: TrustStore, data: RevocationData, at: datetime, known_at: datetime
) -> PathResult:
    """Judge whether a timestamp's authority is to be believed; not for an event loop.

    Only lists and responses clear it: where none tells of its certificate, the time is not proven.

    Args:
        found: the timestamp, whose signature is good.
        store: who is trusted for the time.
        data: revocation lists and responses.
        at: when it is known to have been there: a later timestamp's time, or now.
        known_at: when lists have to be fresh.

    Raises:
        CmsError: its certificate is too malformed to be judged.

    """
    facts = read_certificate(found.certificate)
    store = store.with_hints(found.others)
    return judge_path(facts, store, data, at, usage_of(facts), known_at=known_at)


def usage_of(facts: CertificateFacts) -> KeyUsage:
    """Return what a signer's key must be for: either bit is for documents (RFC 5280 §4.2.1.3)."""
    if KeyUsage.NON_REPUDIATION in facts.key_usage:
        return KeyUsage.NON_REPUDIATION
    return KeyUsage.DIGITAL_SIGNATURE


def _failed(detail: str) -> AgentError:
    return AgentError(detail, code=ErrorCode.TIMESTAMP_FAILED)

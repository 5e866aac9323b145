"""Sites take the PDF worker in turns, and no page stands before the citizen."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.documents.shelf import DocumentShelf
from agent.documents.site_turns import MAX_REQUESTS, SiteTurns
from agent.errors import AgentError, ErrorCode
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.pdf.wire import InspectPdf, PdfFacts
from agent.web.native.page_signing import PagePdfs
from agent.web.offered_views import OfferedViews

SLOW = Origin.parse("https://slow.example")
OTHER = Origin.parse("https://other.example")
THIRD = Origin.parse("https://third.example")


class SlowWorker:
    """Works on a document until it is told that this is over.

    Attributes:
        began: what it was given, in this order.
        go_on: one more document for each release.

    """

    def __init__(self) -> None:
        self.began: list[str] = []
        self.go_on = asyncio.Semaphore(0)
        self.at_work = 0

    async def ask(self, request: Any, kind: type[Any], size: int = 0) -> Any:
        self.at_work += 1
        assert self.at_work == 1, "two at once"
        self.began.append(request.file)
        try:
            await self.go_on.acquire()
        finally:
            self.at_work -= 1
        return kind(pages=1 + size)


class Waiting:
    """Sites that ask for documents, by name."""

    def __init__(self) -> None:
        self.worker = SlowWorker()
        self.turns = SiteTurns(cast("Any", self.worker))

    async def ask(self, site: Origin, *names: str) -> list[asyncio.Task[PdfFacts]]:
        asked = [
            asyncio.create_task(self.turns.of(site).ask(InspectPdf(name), PdfFacts))
            for name in names
        ]
        for _ in range(3):
            await asyncio.sleep(0)  # until all of them wait
        return asked

    async def end(self, asked: Sequence["asyncio.Task[PdfFacts]"]) -> None:
        for _ in asked:
            self.worker.go_on.release()
        await asyncio.gather(*asked, return_exceptions=True)


async def test_a_site_with_many_slow_documents_keeps_others_waiting_for_one() -> None:
    waiting = Waiting()
    asked = await waiting.ask(SLOW, "slow 1", "slow 2", "slow 3")
    asked += await waiting.ask(OTHER, "other 1", "other 2")
    asked += await waiting.ask(THIRD, "third 1")
    await waiting.end(asked)
    order = ["slow 1", "other 1", "third 1", "slow 2", "other 2", "slow 3"]
    assert waiting.worker.began == order


async def test_names_below_one_domain_have_one_turn() -> None:
    waiting = Waiting()
    asked = []
    for each in "abc":
        asked += await waiting.ask(Origin.parse(f"https://{each}.slow.example"), each)
    asked += await waiting.ask(OTHER, "other")
    await waiting.end(asked)
    assert waiting.worker.began == ["a", "other", "b", "c"]


async def test_who_leaves_the_line_or_the_worker_gives_their_turn_on() -> None:
    waiting = Waiting()
    asked = await waiting.ask(SLOW, "slow 1", "slow 2")
    asked += await waiting.ask(OTHER, "other 1", "other 2")
    asked[1].cancel()
    asked[0].cancel()  # the turn of the other begins, and is given up before it is taken
    asked[2].cancel()
    await waiting.end(asked)
    assert waiting.worker.began == ["slow 1", "other 2"]
    last = await waiting.ask(THIRD, "third")
    await waiting.end(last)
    assert last[0].result().pages == 1


async def test_a_site_has_few_requests_under_way() -> None:
    turns = Waiting().turns
    inner = Origin.parse("https://inner.slow.example")
    held = [turns.request(each) for each in (SLOW, inner) * (MAX_REQUESTS // 2)]
    for each in held:
        each.__enter__()
    with pytest.raises(AgentError) as caught, turns.request(SLOW):
        pass
    assert (caught.value.code, caught.value.retriable) == (ErrorCode.BUSY, True)
    with turns.request(OTHER):
        held[0].__exit__(None, None, None)
    with turns.request(inner):
        pass


async def test_the_citizen_s_own_documents_have_a_worker_of_their_own(tmp_path: Path) -> None:
    service = cast("Any", None)
    pages = PagePdfs(service, tmp_path, OfferedViews(), Settings())
    assert DocumentShelf(tmp_path, service)._worker is not pages._worker


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=12))
def test_everybody_who_stays_is_served(askers: list[tuple[int, bool]]) -> None:
    async def run() -> None:
        waiting = Waiting()
        asked = []
        for number, (site, _) in enumerate(askers):
            asked += await waiting.ask((SLOW, OTHER, THIRD)[site], str(number))
        for task, (_, leaves) in zip(asked, askers, strict=True):
            if leaves:
                task.cancel()
        await waiting.end(asked)
        assert [each.cancelled() for each in asked] == [leaves for _, leaves in askers]
        last = await waiting.ask(SLOW, "last")
        await waiting.end(last)

    asyncio.run(run())

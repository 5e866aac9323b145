"""Agents that sign PDFs of pages."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.web.native import page_signing
from tests.conftest import CardFactory
from tests.web.conftest import AgentFactory
from tests.web.page_signing_rig import Rig, SharedWorker, signing_rig


@pytest.fixture(scope="module")
def shared_worker() -> Iterator[SharedWorker]:
    worker = SharedWorker()
    yield worker
    worker.end()


@pytest.fixture
async def rig(
    start_agent: AgentFactory,
    make_card: CardFactory,
    tmp_path: Path,
    shared_worker: SharedWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Rig]:
    monkeypatch.setattr(page_signing, "PdfWorker", lambda: shared_worker)
    async with signing_rig(start_agent, make_card, tmp_path, "123456", "123456") as made:
        yield made


@pytest.fixture
async def whole_rig(
    start_agent: AgentFactory, make_card: CardFactory, tmp_path: Path
) -> AsyncIterator[Rig]:
    """With a worker of its own."""
    async with signing_rig(start_agent, make_card, tmp_path, "123456", "123456") as made:
        yield made

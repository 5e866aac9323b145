from collections.abc import AsyncIterator

import pytest

from agent.documents.pdf_worker import PdfWorker


@pytest.fixture
async def worker() -> AsyncIterator[PdfWorker]:
    """A real worker process, started when it is asked first."""
    worker = PdfWorker()
    yield worker
    await worker.close()

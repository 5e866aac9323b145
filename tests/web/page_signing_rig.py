"""An agent that signs PDFs of pages with a card of its own, and somebody who types the PIN."""

import asyncio
import base64
import io
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.consent.consent import AlwaysAllow
from agent.consent.questions import EnterPin, Prompt
from agent.documents.pdf_worker import A
from agent.errors import AgentError, ErrorCode
from agent.history.store import History
from agent.pdf.wire import AnyPdfAnswer, AnyPdfRequest, PdfError, RefusedPdf
from agent.secret import SecretBytes
from agent.signing.service import SigningService
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.offered_views import OfferedViews
from tests.conftest import CardFactory
from tests.documents.pdf_files import simple_pdf
from tests.documents.same_worker import SameWorker
from tests.web.conftest import SITE, Agent, AgentFactory

PDF = simple_pdf("Contract: pay 100 TWD", "Second page")
PDF_TYPE = {"Content-Type": "application/pdf"}
READER = READER_NAME.format(0)
NOBODY = "0" * 32


@dataclass
class Person:
    """Somebody who types these PINs into the agent's own window, one a question.

    Attributes:
        pins: what they type; then they cancel.
        asked: what they were asked.
        before: done before each answer.

    """

    pins: list[str]
    asked: list[EnterPin] = field(default_factory=list)
    before: Callable[[EnterPin], Awaitable[None]] | None = None

    def can_ask(self) -> bool:
        return True

    def pin_unasked(self) -> ErrorCode:
        return EnterPin.unasked

    async def ask(self, prompt: Prompt[Any]) -> Any:
        assert isinstance(prompt, EnterPin)
        self.asked.append(prompt)
        if self.before is not None:
            await self.before(prompt)
        if not self.pins:
            raise AgentError("no", code=ErrorCode.USER_CANCELLED)
        return SecretBytes.from_text(self.pins.pop(0))


class SharedWorker(SameWorker):
    """One worker process for the agents of many tests, which saves a second of each."""

    def __init__(self) -> None:
        super().__init__()
        self._one_at_a_time = threading.Lock()

    async def ask(self, request: AnyPdfRequest, kind: type[A], size: int = 0) -> A:
        del size
        answer = await asyncio.to_thread(self._answer, request)
        if isinstance(answer, RefusedPdf):
            raise PdfError(answer.detail, code=answer.code)
        assert isinstance(answer, kind)
        return answer

    async def close(self) -> None:
        """Leave it to the next agent."""

    def _answer(self, request: AnyPdfRequest) -> AnyPdfAnswer:
        with self._one_at_a_time:
            return self.answer(request)


class Consenting(AlwaysAllow):
    """A citizen who has allowed some sites, and may think better of it."""

    def __init__(self, *sites: str) -> None:
        super().__init__()
        self.sites = set(sites)

    def is_allowed(self, site: Any) -> bool:
        return str(site) in self.sites


@dataclass
class Rig:
    """The agent, and all that a test looks at.

    Attributes:
        agent: that listens.
        person: who is asked.
        consent: which sites are allowed.
        provider: of the reader.
        folder: of private copies.
        views: what can be looked at.

    """

    agent: Agent
    person: Person
    consent: Consenting
    provider: VirtualProvider
    folder: Path
    views: OfferedViews

    def files(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir()) if self.folder.exists() else []

    async def hand(self, body: Any = PDF, site: str | None = SITE, **headers: str) -> Any:
        """Hand a document over; give the status and the answer."""
        sent = {**PDF_TYPE, **headers, **({} if site is None else {"Origin": site})}
        data = io.BytesIO(body) if isinstance(body, bytes) else body
        url = f"{self.agent.url}/v1/documents"
        async with self.agent.http.post(url, data=data, headers=sent) as response:
            return response.status, await response.json()

    async def handed(self, body: bytes = PDF, site: str = SITE) -> str:
        """Hand a document over; give what names it."""
        status, told = await self.hand(body, site)
        assert status == 200, told
        return str(told["result"]["document"])

    async def call(self, method: str, identifier: str, site: str | None = SITE) -> Any:
        """Do something with a document; give the status and the answer, bytes or JSON."""
        headers = {} if site is None else {"Origin": site}
        url = f"{self.agent.url}/v1/documents/{identifier}"
        async with self.agent.http.request(method, url, headers=headers) as response:
            raw = await response.read()
            is_pdf = response.content_type == "application/pdf"
            return response.status, raw if is_pdf else json.loads(raw)

    async def sign(self, site: str = SITE, **params: Any) -> Any:
        """Sign; give the status and the answer."""
        wanted = {"hash": "SHA-256", "format": "pades", **params}
        method = "sign_batch" if "items" in params else "sign"
        return await self.agent.post(method, {"params": wanted}, site)


@asynccontextmanager
async def signing_rig(
    start_agent: AgentFactory,
    make_card: CardFactory,
    folder: Path,
    *pins: str,
    history: History | None = None,
    **options: Any,
) -> AsyncIterator[Rig]:
    """Start an agent with a newer card in its reader."""
    provider = VirtualProvider()
    provider.insert(READER, make_card("gen2"))
    person, consent, views = Person(list(pins)), Consenting(SITE), OfferedViews()
    service = SigningService(provider, consent, prompter=person, history=history)
    await service.start()
    documents = folder / "documents"
    agent = await start_agent(service=service, documents=documents, views=views, **options)
    try:
        yield Rig(agent, person, consent, provider, documents, views)
    finally:
        await service.close()


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def code(answer: tuple[int, Any]) -> str:
    """Return the code of a refusal."""
    return str(answer[1]["error"]["code"])


async def pieces(*parts: bytes, wait: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    """Send a body in parts; wait before the last one."""
    for part in parts[:-1]:
        yield part
    if wait is not None:
        await wait.wait()
    yield parts[-1]

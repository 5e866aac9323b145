"""What each request of the test control does; who may ask was decided before."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from aiohttp import hdrs, web

from agent.signing.model import CardPresence, Snapshot
from agent.signing.service import SigningService
from agent.testkit import messages
from agent.testkit.card_bench import CardBench
from agent.testkit.mistakes import RefusedControlError, read_json
from agent.testkit.rules import read_rules
from agent.testkit.scripted_prompter import ScriptedPrompter
from agent.web.recorder.recorder import SCHEMA, CallRecorder

T = TypeVar("T")
M = TypeVar("M", bound=messages.ControlMessage)
Names: TypeAlias = Sequence[str]
Answer: TypeAlias = Callable[[web.BaseRequest, Names], Awaitable[web.StreamResponse]]
NDJSON: Final = "application/x-ndjson"
SETTLE_SECONDS: Final = 5.0
"""How long it may take until the agent has seen what happened to a reader."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentUnderTest:
    """The parts of the running agent that a test looks at.

    Attributes:
        service: sees the readers.
        recorder: remembers what pages asked for.
        forget: forget decisions about sites, refusals, rates and the attempts of cards; in the
            event loop.
        forget_stored: the same for what lies on disk; blocks.

    """

    service: SigningService
    recorder: CallRecorder
    forget: Sequence[Callable[[], None]]
    forget_stored: Sequence[Callable[[], None]]


class ControlCalls:
    """The calls, one at a time; belongs to one event loop."""

    def __init__(self, bench: CardBench, prompter: ScriptedPrompter, agent: AgentUnderTest) -> None:
        """Say whose hands, answers and agent these are."""
        self._bench = bench
        self._prompter = prompter
        self._agent = agent
        self._first_rules = prompter.rules.left()
        self._turn = asyncio.Lock()

    def routes(self) -> dict[tuple[str, str], Answer]:
        """Return the calls by method and path; ``*`` stands for a name in the path."""
        return {
            ("GET", "readers"): self._readers,
            ("POST", "readers"): self._plug,
            ("DELETE", "readers/*"): self._unplug,
            ("POST", "readers/*/insert"): self._insert,
            ("POST", "readers/*/pull"): self._pull,
            ("POST", "readers/*/hold"): self._hold,
            ("GET", "cards/*"): self._card,
            ("PATCH", "cards/*"): self._change,
            ("POST", "service"): self._service,
            ("GET", "answers"): self._answers,
            ("PUT", "answers"): self._answer_so,
            ("GET", "questions"): self._questions,
            ("GET", "requests"): self._requests,
            ("POST", "reset"): self._reset,
        }

    # Readers and cards.

    async def _readers(self, request: web.BaseRequest, names: Names) -> web.Response:
        del request, names
        return json_of({"readers": await self._do(self._bench.readers, settle=False)})

    async def _plug(self, request: web.BaseRequest, names: Names) -> web.Response:
        del names
        wanted = await _body(request, messages.PlugReader)
        return json_of(await self._do(lambda: self._bench.plug(wanted.name)), HTTPStatus.CREATED)

    async def _unplug(self, request: web.BaseRequest, names: Names) -> web.Response:
        await _body(request, messages.Nothing)
        await self._do(lambda: self._bench.unplug(names[0]))
        return nothing()

    async def _insert(self, request: web.BaseRequest, names: Names) -> web.Response:
        wanted = await _body(request, messages.InsertCard)
        return json_of(await self._do(lambda: self._bench.insert(names[0], wanted)))

    async def _pull(self, request: web.BaseRequest, names: Names) -> web.Response:
        await _body(request, messages.Nothing)
        return json_of(await self._do(lambda: self._bench.pull(names[0])))

    async def _hold(self, request: web.BaseRequest, names: Names) -> web.Response:
        wanted = await _body(request, messages.HoldReader)
        await self._do(lambda: self._bench.hold(names[0], held=wanted.held))
        return nothing()

    async def _card(self, request: web.BaseRequest, names: Names) -> web.Response:
        del request
        return json_of(await self._do(lambda: self._bench.card(names[0]), settle=False))

    async def _change(self, request: web.BaseRequest, names: Names) -> web.Response:
        wanted = await _body(request, messages.ChangeCard)
        return json_of(await self._do(lambda: self._bench.change(names[0], wanted)))

    async def _service(self, request: web.BaseRequest, names: Names) -> web.Response:
        del names
        wanted = await _body(request, messages.SwitchService)
        await self._do(lambda: self._bench.set_service(available=wanted.available))
        return nothing()

    # Windows.

    async def _answers(self, request: web.BaseRequest, names: Names) -> web.Response:
        del request, names
        return json_of({"answers": self._prompter.rules.left()})

    async def _answer_so(self, request: web.BaseRequest, names: Names) -> web.Response:
        del names
        self._prompter.rules.replace(read_rules(await request.read()))
        return nothing()

    async def _questions(self, request: web.BaseRequest, names: Names) -> web.Response:
        del request, names
        return json_of({"questions": tuple(self._prompter.questions)})

    # The agent.

    async def _requests(self, request: web.BaseRequest, names: Names) -> web.Response:
        del names
        recorder, origin = self._agent.recorder, request.query.get("origin")
        if request.headers.get(hdrs.ACCEPT) == NDJSON:
            return web.Response(text="".join(recorder.export(origin)), content_type=NDJSON)
        calls = [each for each in recorder.calls() if origin in (None, each["origin"])]
        return json_of({"schema": SCHEMA, "requests": calls})

    async def _reset(self, request: web.BaseRequest, names: Names) -> web.Response:
        del names
        await _body(request, messages.Nothing)
        # Before, so that nothing of the test that is over is done with the new cards; and after,
        # for what came meanwhile.
        self._prompter.begin_anew(self._first_rules)
        await self._do(self._bench.reset)
        for forget in self._agent.forget_stored:
            await asyncio.to_thread(forget)
        for forget in self._agent.forget:
            forget()
        self._prompter.begin_anew(self._first_rules)
        self._agent.recorder.clear()
        return nothing()

    async def _do(self, work: Callable[[], T], *, settle: bool = True) -> T:
        """Do something with readers and cards, and wait until the agent has seen it."""
        async with self._turn:
            done = await asyncio.to_thread(work)
            if settle:
                with suppress(TimeoutError):  # the agent may be at work with the card itself
                    await asyncio.wait_for(self._settled(), SETTLE_SECONDS)
            return done

    async def _settled(self) -> None:
        seen = asyncio.Event()
        with self._agent.service.watch(seen.set):
            while _seen(self._agent.service.snapshot()) != self._bench.states():
                await asyncio.wait_for(seen.wait(), SETTLE_SECONDS)
                seen.clear()


def _seen(snapshot: Snapshot) -> dict[str, bool] | None:
    if not snapshot.service_available:
        return None
    return {each.name: each.state is not CardPresence.EMPTY for each in snapshot.readers}


async def _body(request: web.BaseRequest, kind: type[M]) -> M:
    """Read a request's body; none at all is as good as ``{}``."""
    return read_json(await request.read() or b"{}", kind)


def json_of(found: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Make an answer of JSON."""
    body = msgspec.json.encode(found)
    return web.Response(body=body, status=status, content_type="application/json")


def nothing() -> web.Response:
    """Make the answer to what was done and has nothing to tell."""
    return web.Response(status=HTTPStatus.NO_CONTENT)


def refused(error: RefusedControlError) -> web.Response:
    """Make the answer to what was refused."""
    said = {"message": error.said_plainly, "path": error.path}
    return json_of({"error": {name: text for name, text in said.items() if text}}, error.status)

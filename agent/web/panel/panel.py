"""What the panel shows and does: each call of its pages, and where the answer comes from."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from aiohttp import web

from agent import __version__
from agent.consent.questions import Scope
from agent.consent.site_store import Decision, SiteStore
from agent.domain import split_display_host
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.history import export as history_export
from agent.history import store as chronicle
from agent.host.autostart import Autostart
from agent.host.machine.paths import Paths
from agent.host.settings.config import Settings
from agent.host.settings.policy import Policy
from agent.host.settings.preferences import Preferences
from agent.host.update.status import UpdateChecking, UpdateStatus
from agent.origin import LOCAL_USER, Origin
from agent.signing.model import ReaderView
from agent.web.front.mount import Routes
from agent.web.offered_views import OfferedViews
from agent.web.panel import about, files, messages, search
from agent.web.panel.document_viewer import DocumentViewer
from agent.web.panel.door import HEADERS, PanelMount, asked_for, json_answer, posted
from agent.web.panel.first_page import FirstDoor
from agent.web.panel.inspector import Inspector
from agent.web.panel.live import Live
from agent.web.panel.own_documents import PanelDocuments
from agent.web.panel.question_calls import QuestionCalls
from agent.web.panel.question_desk import QuestionDesk
from agent.web.panel.selftest import Outcome, SelfTest, SelfTestStep
from agent.web.panel.viewed_documents import ViewedDocuments
from agent.web.recorder.recorder import CallRecorder
from agent.web.service import Service


class PanelService(Service, Protocol):
    """The use cases, as far as the panel has them (see ``signing.service``)."""

    @property
    def provider_kind(self) -> str:
        """``"pcsc"`` or ``"virtual"``."""

    def watch(self, changed: Callable[[], None], *, closely: bool) -> AbstractContextManager[None]:
        """Call ``changed`` after each new snapshot, while the context lasts."""


class Doctor(Protocol):
    """Looks at everything, and repairs what can be repaired."""

    async def examine(self) -> dict[str, Any]:
        """Return the report for programs (see ``agent.doctor.report``)."""

    async def repair(self, name: str) -> None:
        """Carry out one repair.

        Raises:
            AgentError: there is none of that name, or it did not work.

        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where the panel has what it shows.

    Attributes:
        service: the use cases.
        paths: the agent's folder.
        policy: of this computer.
        preferences: what the citizen chose.
        sites: the decisions; None where a flag decides.
        newcomers_wait: tells whether a new site is not asked about now.
        history: the writer; None where nothing is kept.
        autostart: this system's way; None where there is none.
        settings_changed: told, not in the event loop, after the citizen chose something here.
        doctor: looks at everything else; None where there is none.
        consent: "ask", "allow" or "deny".
        desk: asks the citizen in pages; None where a flag decides.
        questions_fixed: whether the settings or a policy say where the citizen is asked.
        update: gives what is known of newer versions.
        restart_needed: gives the browsers that run and trust us only after a restart.
        recorder: the one that all doors tell what they are asked.
        views: the documents of questions that are asked now.
        viewer: is told where the panel is; None where nobody has documents shown.
        clock: the time of day, with a time zone.
        settings: of this computer, as the policy has them.

    """

    service: PanelService
    paths: Paths
    policy: Policy
    preferences: Preferences
    sites: SiteStore | None = None
    newcomers_wait: Callable[[], bool] = field(default=lambda: False)
    history: chronicle.History | None = None
    autostart: Autostart | None = None
    settings_changed: Callable[[], None] = field(default=lambda: None)
    doctor: Doctor | None = None
    consent: str = "ask"
    desk: QuestionDesk | None = None
    questions_fixed: bool = False
    update: Callable[[], UpdateStatus] = field(
        default=lambda: UpdateStatus(UpdateChecking.NO_ADDRESS)
    )
    restart_needed: Callable[[], tuple[str, ...]] = field(default=tuple)
    recorder: CallRecorder = field(default_factory=CallRecorder)
    views: OfferedViews = field(default_factory=OfferedViews)
    viewer: DocumentViewer | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class PanelPorts:
    """Where pages reach the agent, as the panel shows it.

    Attributes:
        port: of the native API; None where other programs hold all of its ports.
        hipki_port: of the old component's protocol, likewise.
        hipki_holder: a sentence on who holds that one then, by the tag of its language.
        jrsys_ports: of pages of the JRSYS family, plain.
        jrsys_tls_ports: likewise, with TLS.
        jrsys_holders: likewise, of each of these ports that the agent lacks.
        left: whether ports are left to another person, who is in front of this computer.

    """

    port: int | None = None
    hipki_port: int | None = None
    hipki_holder: Mapping[str, str] = field(default_factory=dict)
    jrsys_ports: Sequence[int] = ()
    jrsys_tls_ports: Sequence[int] = ()
    jrsys_holders: Sequence[Mapping[str, str]] = ()
    left: bool = False


class Panel:
    """The panel of one running agent; belongs to its event loop.

    Attributes:
        mount: serves it beside the native API.
        first_door: lets the first page in there, asked before it.

    """

    def __init__(self, sources: Sources, spend_token: Callable[[str], bool]) -> None:
        """Read the pages from the package; blocks, not for the event loop.

        Args:
            sources: where everything comes from.
            spend_token: tells whether a token is good, once.

        Raises:
            OSError: the pages are missing: the installation is broken.

        """
        self._sources = sources
        self._since = sources.clock()
        self._ports = PanelPorts()
        self._uses = 0
        self._autostart: bool | None = None
        self._look_at_autostart()
        self._live = Live(sources.service, lambda: messages.write(self._state()))
        self._testing = asyncio.Lock()
        self._inspector = Inspector(sources.recorder, self._live.tell)
        self._documents = PanelDocuments(
            sources.service,
            sources.paths,
            sources.clock,
            sources.settings,
            lambda: sources.preferences.language,
        )
        pages = files.load()
        self.first_door = FirstDoor(pages[files.ROOT])
        self._desk = sources.desk or QuestionDesk(lambda _: False)
        calls = {**self._calls(), **QuestionCalls(self._desk).routes()}
        self.mount = PanelMount(
            pages,
            calls,
            spend_token,
            is_question_key=lambda key: self._desk.find(key) is not None,
            documents=self._documents,
        )

    def listening(self, ports: PanelPorts) -> None:
        """Show where the agent listens, once it does, and when it gets another port."""
        self._ports = ports
        self.first_door.plain_port = ports.hipki_port
        self._desk.listening(ports.port)
        if self._sources.viewer is not None:
            self._sources.viewer.listening(ports.port)
        self._live.tell()

    def key_used(self) -> None:
        """Have the pages look at the history again."""
        self._uses += 1
        self._live.tell()

    def updated(self) -> None:
        """Show what was just heard of newer versions, or of browsers."""
        self._live.tell()

    def settings_changed(self, loop: asyncio.AbstractEventLoop) -> None:
        """Show what the citizen chose elsewhere; blocks, from any thread but the loop's."""
        self._look_at_autostart()
        with suppress(RuntimeError):  # the loop has ended: nobody looks any more
            loop.call_soon_threadsafe(self._live.tell)

    def _look_at_autostart(self) -> None:
        autostart = self._sources.autostart
        self._autostart = None if autostart is None else autostart.is_on()

    def close(self) -> None:
        """Let the pages go: the agent ends."""
        self._live.close()

    def _calls(self) -> Routes:
        read = asked_for
        return {
            "state": {"GET": read(self._get_state)},
            "events": {"GET": read(self._get_events)},
            "certificates": {"GET": read(self._get_certificates)},
            "sites": {
                "GET": read(self._get_sites),
                "POST": posted(messages.DecideSite, self._post_sites),
            },
            "history": {"GET": read(self._get_history)},
            "history/chain": {"GET": read(self._get_chain)},
            "history/export": {"GET": read(self._get_export)},
            "selftest": {"POST": posted(messages.RunSelfTest, self._post_selftest)},
            "doctor": {
                "GET": read(self._get_doctor),
                "POST": posted(messages.Repair, self._post_doctor),
            },
            "about": {"GET": read(self._get_about)},
            "settings": {"POST": posted(messages.Change, self._post_settings)},
            **self._inspector.calls(),
            **self._documents.calls(),
            **ViewedDocuments(self._sources.views).calls(),
        }

    # The state, and every change of it.

    def _state(self) -> dict[str, Any]:
        sources = self._sources
        snapshot = sources.service.snapshot()
        return {
            "version": __version__,
            "since": _moment(self._since),
            "provider": sources.service.provider_kind,
            "consent": sources.consent,
            "language": sources.preferences.language,
            "questions": self._questions(),
            "policy": {"source": _text(sources.policy.source), "problem": sources.policy.problem},
            "ports": asdict(self._ports),
            "service": snapshot.service_available,
            "working": snapshot.working,
            "readers": [_reader(view) for view in snapshot.readers],
            "uses": self._uses,
            "recorder": self._inspector.state(),
            "autostart": self._autostart,
            "update": _update(sources.update()),
            "restart": sources.restart_needed(),
            "history_problem": None if sources.history is None else sources.history.problem,
        }

    def _questions(self) -> dict[str, Any] | None:
        """Return where the citizen is asked; None where nobody asks them."""
        sources = self._sources
        if sources.desk is None:
            return None
        return {"place": sources.preferences.questions, "fixed": sources.questions_fixed}

    async def _get_state(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        await asyncio.to_thread(self._look_at_autostart)
        return _answer(self._state())

    async def _get_events(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._live.stream(request, HEADERS)

    async def _get_certificates(self, request: web.BaseRequest) -> web.StreamResponse:
        reader = request.query.get("reader")
        listing = await self._sources.service.certificates(LOCAL_USER, reader)
        rows = [
            {
                "reader": each.reader,
                "id": each.id,
                "label": each.label,
                "signs": each.signs,
                "holder": each.facts.subject_cn,
                "issuer": each.facts.issuer,
                "usage": [str(use) for use in each.facts.key_usage],
                "not_before": _moment(each.facts.not_before),
                "not_after": _moment(each.facts.not_after),
                "thumbprint": each.facts.thumbprint.hex(),
            }
            for each in listing.certificates
            if not each.facts.is_ca
        ]
        problems = [{"reader": each.reader, "code": each.error.code} for each in listing.problems]
        return _answer({"certificates": rows, "problems": problems})

    # Sites.

    async def _get_sites(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        return _answer(await self._sites())

    async def _post_sites(
        self, request: web.BaseRequest, wanted: messages.DecideSite
    ) -> web.StreamResponse:
        """Forget or block; what allows anything is a window of our own, never a page."""
        del request
        store = self._sources.sites
        if store is None:
            raise BadRequestError("a flag decides")
        known = {str(record.site): record.site for record in store.snapshot()}
        site = known.get(wanted.origin) or Origin.parse(wanted.origin)
        decision = Decision.BLOCKED if wanted.action == "block" else Decision.UNKNOWN
        scope = Scope.BLIND if wanted.action == "forget_blind" else Scope.CARD
        await asyncio.wrap_future(store.remember(site, decision, scope))
        self._live.tell()
        return _answer(await self._sites())

    async def _sites(self) -> dict[str, Any]:
        store, policy = self._sources.sites, self._sources.policy
        records = () if store is None else store.snapshot()
        hosts = await asyncio.to_thread(
            lambda: [split_display_host(record.site) for record in records]
        )
        rows = [
            {
                "origin": str(record.site),
                "before_domain": before,
                "domain": domain,
                "odd": record.site.is_odd,
                "decision": record.decision.value,
                "blind": record.blind.value,
                "ruling": policy.decision(record.site).name.lower(),
                "since": _moment(record.since),
                "last_used": None if record.last_used is None else _moment(record.last_used),
            }
            for record, (before, domain) in zip(records, hosts, strict=True)
        ]
        return {
            "sites": rows,
            "set_aside": None if store is None else _text(store.set_aside),
            "newcomers_wait": self._sources.newcomers_wait(),
        }

    # History.

    async def _get_history(self, request: web.BaseRequest) -> web.StreamResponse:
        wanted = request.query.get("q", "").strip().casefold()
        before = _number(request.query.get("before"))
        path = self._sources.paths.history
        found, further = await asyncio.to_thread(search.find, path, wanted, before)
        rows = [history_export.as_record(line) for line in found]
        return _answer({"lines": rows, "before": further})

    async def _get_chain(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        verdict = await asyncio.to_thread(chronicle.verify, self._sources.paths.history)
        return _answer(history_export.verdict_record(verdict))

    async def _get_export(self, request: web.BaseRequest) -> web.StreamResponse:
        path = self._sources.paths.history
        lines = await asyncio.to_thread(chronicle.read, path, limit=None)
        if request.query.get("format") == "csv":
            text = await asyncio.to_thread(history_export.as_csv, lines[::-1])
            return web.Response(text=text, content_type="text/csv", charset="utf-8")
        records = await asyncio.to_thread(lambda: list(map(history_export.as_record, lines[::-1])))
        return json_answer(await asyncio.to_thread(messages.write, {"lines": records}))

    # Self-test and doctor.

    async def _post_selftest(
        self, request: web.BaseRequest, wanted: messages.RunSelfTest
    ) -> web.StreamResponse:
        del request
        if self._testing.locked():
            raise AgentError("a self-test is under way", code=ErrorCode.BUSY)
        async with self._testing:
            sources = self._sources
            test = SelfTest(sources.service, self._component(), sources.clock, wanted.reader)
            steps = await test.run(signature=wanted.signature)
        rows = [
            {"name": step.name, "outcome": step.outcome, "code": step.code, "facts": step.facts}
            for step in steps
        ]
        return _answer({"steps": rows})

    def _component(self) -> SelfTestStep:
        facts = {"version": __version__, **asdict(self._ports)}
        if self._ports.hipki_port is None and not self._ports.left:
            return SelfTestStep("component", Outcome.WARNING, "plain_port", facts)
        return SelfTestStep("component", Outcome.GOOD, facts=facts)

    async def _get_doctor(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        return _answer(await self._doctor().examine())

    async def _post_doctor(
        self, request: web.BaseRequest, wanted: messages.Repair
    ) -> web.StreamResponse:
        """Repair, and look again; whose computer it is may read why it did not work."""
        del request
        failed = None
        try:
            await self._doctor().repair(wanted.repair)
        except AgentError as error:
            failed = error.detail
        return _answer({**await self._doctor().examine(), "failed": failed})

    def _doctor(self) -> Doctor:
        if self._sources.doctor is None:
            raise BadRequestError("there is no doctor here")
        return self._sources.doctor

    # About, and settings.

    async def _get_about(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        return _answer(await asyncio.to_thread(about.describe, self._sources.paths))

    async def _post_settings(
        self, request: web.BaseRequest, wanted: messages.Change
    ) -> web.StreamResponse:
        try:
            await asyncio.to_thread(self._change, wanted)
        except OSError as error:
            raise AgentError(f"a setting could not be written: {error}") from error
        return await self._get_state(request)

    def _change(self, wanted: messages.Change) -> None:
        if wanted.language is not None:
            self._sources.preferences.set_language(wanted.language)
        if wanted.update_check is not None:
            self._sources.preferences.set_update_check(wanted.update_check)
        if wanted.questions is not None:
            self._sources.preferences.set_questions(wanted.questions)
        autostart = self._sources.autostart
        if wanted.autostart is not None and autostart is not None:
            (autostart.turn_on if wanted.autostart else autostart.turn_off)()
        self._sources.settings_changed()


def _answer(content: dict[str, Any]) -> web.Response:
    return json_answer(messages.write(content))


def _update(standing: UpdateStatus) -> dict[str, Any]:
    return {
        "asking": standing.asking,
        "age": standing.age,
        "newest": standing.newest,
        "floor": standing.floor,
        "page": standing.page,
        "reason": dict(standing.reason),
        "answered": None if standing.answered is None else _moment(standing.answered),
    }


def _reader(view: ReaderView) -> dict[str, Any]:
    return {
        "name": view.name,
        "state": view.state,
        "generation": view.generation,
        "serial": view.serial,
        "attempts_left": view.attempts_left,
        "keypad": view.keypad,
    }


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise BadRequestError("not a number")
    return int(text)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(value: object) -> str | None:
    return None if value is None else str(value)

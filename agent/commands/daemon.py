"""Run the agent: open its files, then serve in one event loop, which may be in any thread."""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import structlog

from agent import __version__
from agent.cards.known_attempts import PURPOSE as ATTEMPTS
from agent.cards.known_attempts import StoredAttempts
from agent.commands.citizen import Citizen, open_citizen
from agent.commands.panel_doctor import PanelDoctor
from agent.consent.process import has_display
from agent.history.store import History
from agent.host.autostart import Autostart, autostart, start_command
from agent.host.instance import install_key, quitting
from agent.host.instance import running as instance
from agent.host.instance.first_ticket import PURPOSE, FirstTickets
from agent.host.instance.panel_key import PanelKey
from agent.host.machine import logs
from agent.host.machine.descriptors import raise_descriptor_limit
from agent.host.machine.memory import leave_no_core, shut_others_out
from agent.host.machine.paths import Paths
from agent.host.machine.umask import private_files
from agent.host.peer import check as peer
from agent.host.peer.port_owner import PortOwner
from agent.host.settings import config
from agent.host.settings.config import MCA_PORT, Settings
from agent.host.settings.policy import Policy
from agent.host.settings.preferences import Preferences
from agent.host.tls import identity, switch
from agent.host.tls.trust_keeper import TrustKeeper
from agent.host.update.status import UpdateStatus
from agent.host.update.watch import UpdateWatch
from agent.origin import Origin
from agent.signing.model import CardPresence, Snapshot
from agent.signing.recording import Signed
from agent.signing.service import SigningService
from agent.transport.base import CardProvider
from agent.web.front.mount import Mount
from agent.web.front.serving import Listener
from agent.web.hipki.hipki_mount import HIPKI, HipkiMount
from agent.web.jrsys.jrsys_mount import JrsysMount
from agent.web.jrsys.listeners import jrsys_lacking, jrsys_listeners, jrsys_ports
from agent.web.panel.first_page import FirstMount
from agent.web.panel.panel import Panel, PanelPorts, Sources
from agent.web.ports import RETAKE_SECONDS, ListenResult, ServerConfig, Serving, serve
from agent.web.recorder.recorder import CallRecorder
from agent.words import Language, say

MCA: Final = "mca"
"""The listener for pages of the MCA kind."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class DaemonOptions:
    """The options with which an agent is opened.

    Attributes:
        make_provider: opens the readers.
        state_dir: the agent's folder; None for the user's own.
        flags: values of settings from the command line, by name; they take precedence over the
            configuration file.
        record: record what pages ask for, for as long as it runs.

    """

    make_provider: Callable[[], CardProvider]
    state_dir: Path | None = None
    record: bool = False
    flags: Mapping[str, object] = field(default_factory=dict)


class Observer:
    """A receiver of events, called in the event loop; it must not block. This one ignores them."""

    def ready(self, facts: dict[str, Any]) -> None:
        """Handle that every free port answers; ``facts`` is what ``serve`` prints as JSON."""

    def listening(self, port: int | None, hipki_port: int | None) -> None:
        """Handle that a port which another program held is the agent's now.

        Args:
            port: of the native API; None while other programs hold all of its ports.
            hipki_port: of existing pages, likewise.

        """

    def changed(self, snapshot: Snapshot) -> None:
        """Handle that a reader or card came, went, or changed its state."""

    def signed(self, signed: Signed) -> None:
        """Handle that a key was used."""

    def site_waits(self, site: Origin, ask: Callable[[], None]) -> None:
        """Handle that a new site only reads the image of the old component.

        Args:
            site: which.
            ask: opens the window that asks the citizen about it; called from any thread.

        """

    def updated(self, standing: UpdateStatus) -> None:
        """Handle that more is known of newer versions."""

    def restart_needed(self, browsers: tuple[str, ...]) -> None:
        """Handle that other browsers than before trust us only after a restart.

        Args:
            browsers: which, as people call them; empty when all is well again.

        """

    def settings_changed(self) -> None:
        """Handle that the user changed a setting; called from any thread but the event loop's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Daemon:
    """An agent that holds the lock of its folder; :meth:`run` may be called once.

    Attributes:
        make_provider: opens the readers.
        paths: of its files.
        settings: of the file and the command line, with the policy applied.
        policy: of this computer.
        preferences: what the user chose in the panel and the tray menu.
        autostart: how this system starts programs at sign-in; None where it cannot.
        panel_key: the key that opens the panel.
        first_tickets: what the first page is opened with, which opens the panel too.
        update: looks for newer versions.
        recorder: is told by every door what it is asked.
        trust_keeper: knows which browsers must be restarted.

    """

    make_provider: Callable[[], CardProvider]
    paths: Paths
    settings: Settings
    policy: Policy
    preferences: Preferences
    autostart: Autostart | None
    panel_key: PanelKey
    first_tickets: FirstTickets
    update: UpdateWatch
    recorder: CallRecorder
    trust_keeper: TrustKeeper
    _running: instance.Instance
    _citizen: Citizen
    _history: History
    _attempts: StoredAttempts
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def settings_changed(self) -> None:
        """Notify all listeners that the user changed a setting; blocks, not for the event loop."""
        for listener in self._listeners:
            listener()

    def icon_shown(self, shown: bool) -> None:
        """Tell the doctor whether the desktop shows the icon; blocks, from any thread."""
        self._running.announce_icon(shown=shown)

    def _plain_mounts(
        self, service: SigningService, observer: Observer, loop: asyncio.AbstractEventLoop
    ) -> tuple[FirstMount, HipkiMount]:
        def site_waits(site: Origin) -> None:
            def ask() -> None:
                asyncio.run_coroutine_threadsafe(mount.ask_about(site), loop)

            observer.site_waits(site, ask)

        mount = HipkiMount(
            service,
            self._citizen.consent,
            self.settings,
            language=lambda: self.preferences.language,
            on_image=site_waits,
            recorder=self.recorder,
        )
        first = FirstMount(self.first_tickets.claim, lambda: self.preferences.language)
        return first, mount

    async def run(self, stopped: asyncio.Event, observer: Observer) -> None:
        """Serve until ``stopped`` is set.

        Raises:
            AgentError: there is no PC/SC library.
            OSError: a file cannot be read or written.

        """
        served = await asyncio.to_thread(identity.ensure, self.paths.tls)
        context = identity.server_context(served)
        known = await asyncio.to_thread(install_key.InstallKey.ensure, self.paths.install_key)

        def signed(told: Signed) -> None:
            observer.signed(told)
            panel.key_used()

        def updated() -> None:
            observer.updated(self.update.status)
            panel.updated()

        service = self._service(signed)
        panel = await asyncio.to_thread(Panel, self._sources(service), self._opens_panel)
        loop = asyncio.get_running_loop()
        self._listeners.append(lambda: panel.settings_changed(loop))
        self._listeners.append(observer.settings_changed)
        self._listeners.append(lambda: self._place_changed(loop))
        plain = await asyncio.to_thread(self._plain_mounts, service, observer, loop)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._citizen.close_windows)
            stack.push_async_callback(service.close)
            stack.enter_context(service.watch(lambda: self._make_window_ready(service)))
            await service.start()
            switching = switch.LeafSwitch(context, self.paths.tls, served).run()
            quits = quitting.until_asked(self.paths.quit_request, stopped.set)
            for work in (switching, quits, self.update.run(updated)):
                stack.callback(asyncio.create_task(work).cancel)
            ports = replace(
                self._ports(context),
                virtual=service.provider_kind == "virtual",
                native_mounts=(panel.first_door, panel.mount),
                listeners=tuple(self._old_listeners(plain, service, context)),
                prove=known.prove,
            )
            listening = await serve(ports, service)
            stack.push_async_callback(listening.close)
            stack.callback(panel.close)
            stack.enter_context(service.watch(lambda: observer.changed(service.snapshot())))
            await self._announce(listening, service, panel, observer)
            stack.enter_context(self._trust_kept(observer, panel, loop))
            taking = self._take_freed_ports(listening, service, panel, observer)
            stack.callback(asyncio.create_task(taking).cancel)
            await stopped.wait()

    def _opens_panel(self, token: str) -> bool:
        return self.panel_key.spend(token) or self.first_tickets.spend(token)

    @contextmanager
    def _trust_kept(
        self, observer: Observer, panel: Panel, loop: asyncio.AbstractEventLoop
    ) -> Iterator[None]:
        keeper = self.trust_keeper

        def tell() -> None:
            observer.restart_needed(keeper.restart_needed())
            panel.updated()

        def changed() -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(tell)

        with keeper.watched(changed), keeper.running():
            yield

    def _make_window_ready(self, service: SigningService) -> None:
        states = (reader.state for reader in service.snapshot().readers)
        self._citizen.cards_are_there(are_there=CardPresence.CARD in states)

    def _place_changed(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._citizen.place_changed)

    def _service(self, signed: Callable[[Signed], None]) -> SigningService:
        store = self._citizen.store
        return SigningService(
            self.make_provider(),
            self._citizen.consent,
            prompter=self._citizen.prompter,
            last_try=self.settings.last_try,
            allow_sha1=self.settings.allow_sha1,
            attempts=self._attempts,
            history=self._history,
            on_signed=signed,
            on_use=None if store is None else store.touch,
            check_version=self.update.check_version,
        )

    def _sources(self, service: SigningService) -> Sources:
        return Sources(
            service=service,
            paths=self.paths,
            policy=self.policy,
            preferences=self.preferences,
            sites=self._citizen.store,
            newcomers_wait=self._citizen.newcomers_wait,
            history=self._history,
            autostart=self.autostart,
            settings_changed=self.settings_changed,
            doctor=PanelDoctor(self.paths, service),
            consent=self.settings.consent,
            desk=self._citizen.desk,
            questions_fixed=self.settings.questions != "auto",
            update=lambda: self.update.status,
            restart_needed=self.trust_keeper.restart_needed,
            recorder=self.recorder,
        )

    def _ports(self, context: ssl.SSLContext) -> ServerConfig:
        settings = self.settings
        return ServerConfig(
            tls=context,
            settings=settings,
            state="running" if self.policy.problem is None else "policy_unusable",
            is_our_peer=peer.check_for() if settings.check_peer else None,
            recorder=self.recorder,
            is_restart_due=lambda: bool(self.trust_keeper.restart_needed()),
        )

    def _old_listeners(
        self, plain: tuple[Mount, ...], service: SigningService, context: ssl.SSLContext
    ) -> Iterator[Listener]:
        yield Listener(name=HIPKI, ports=(self.settings.hipki_port,), mounts=plain)
        if self.settings.mca:
            yield Listener(name=MCA, ports=(MCA_PORT,), mounts=plain[-1:])
        mount = JrsysMount(service, self.settings, recorder=self.recorder)
        yield from jrsys_listeners(self.settings, mount, context)

    async def _announce(
        self, listening: Serving, service: SigningService, panel: Panel, observer: Observer
    ) -> None:
        """Announce to panel, other processes and observer that the agent is ready."""
        port, hipki, kind = listening.port, listening.others[HIPKI], service.provider_kind
        await self._announce_ports(listening, service, panel)
        ready: dict[str, Any] = {"ready": True, "version": __version__}
        ready |= {"port": port, "hipki_port": hipki.port}
        if listening.problem is not None:
            ready["port_error"] = listening.problem
        if hipki.problem is not None:
            ready["hipki_error"] = hipki.problem
        ready |= jrsys_ports(listening.others)
        observer.ready({**ready, "provider": kind})
        observer.updated(self.update.status)
        observer.changed(service.snapshot())

    async def _announce_ports(
        self, listening: Serving, service: SigningService, panel: Panel
    ) -> None:
        hipki = listening.others[HIPKI]
        old = jrsys_ports(listening.others)
        lacking = jrsys_lacking(listening.others)
        holders = await asyncio.to_thread(lambda: [_holder(each) for each in (hipki, *lacking)])
        panel.listening(
            PanelPorts(listening.port, hipki.port, holders[0], **old, jrsys_holders=holders[1:])
        )
        plain, tls = self.settings.open_jrsys_ports
        await asyncio.to_thread(
            self._running.announce,
            port=listening.port,
            hipki_port=hipki.port,
            provider=service.provider_kind,
            also=listening.also,
            missing=listening.missing,
            mca_port=listening.others[MCA].port if MCA in listening.others else None,
            jrsys_ports=tuple(port for ports in old.values() for port in ports),
            jrsys_missing=tuple(port for port in listening.missing if port in {*plain, *tls}),
        )

    async def _take_freed_ports(
        self, listening: Serving, service: SigningService, panel: Panel, observer: Observer
    ) -> None:
        """Take ports that other programs held at the start, and announce each one.

        What cannot be written for now, on a full disk, is written later.
        """
        changed, unwritten = asyncio.Event(), False
        taking = asyncio.create_task(listening.take_freed_ports(changed.set, RETAKE_SECONDS))
        taking.add_done_callback(lambda _: changed.set())
        try:
            while unwritten or changed.is_set() or not taking.done():
                await changed.wait()
                changed.clear()
                try:
                    await self._announce_ports(listening, service, panel)
                except OSError as error:
                    _log.warning("the record of the ports cannot be written", detail=str(error))
                    asyncio.get_running_loop().call_later(RETAKE_SECONDS, changed.set)
                    unwritten = True
                else:
                    unwritten = False
                observer.listening(listening.port, listening.others[HIPKI].port)
        finally:
            taking.cancel()


def _holder(found: ListenResult) -> Mapping[str, str]:
    """Say in each language who holds the port of a listener; nothing of one that has its port."""
    if found.owner is None:
        return {}
    return {language: _holder_in(language, found.wanted, found.owner) for language in Language}


def _holder_in(language: Language, port: int, owner: PortOwner) -> str:
    return say(language, "holder.port", {"port": port, "holder": owner.words(language)})


@contextmanager
def opened(options: DaemonOptions) -> Iterator[Daemon]:
    """Lock the agent's folder and open its files, for as long as the context lasts.

    Raises:
        AlreadyRunningError: another agent has locked the folder.
        UnsafeFolderError: others than this user can change what is in the folder.
        AgentError: the settings or a database cannot be used.
        OSError: the folder cannot be used.

    """
    leave_no_core()
    raise_descriptor_limit()
    shut_others_out()
    paths = Paths.choose(options.state_dir)
    paths.prepare()
    policy = Policy.of_this_computer(paths.policy)
    # The policy takes precedence over the command line too.
    settings = policy.over(config.load(paths.config, options.flags))
    with ExitStack() as stack:
        stack.enter_context(private_files())
        display = has_display() if settings.consent == "ask" else None
        running = stack.enter_context(instance.Instance(paths, policy.fingerprint, display))
        stack.enter_context(logs.logging_to(paths.logs, settings.log_level))
        _log_policy(policy)
        preferences = Preferences(paths.preferences)
        citizen = open_citizen(
            settings,
            policy,
            paths.sites,
            lambda: preferences.language,
            lambda: preferences.questions,
        )
        key = install_key.InstallKey.ensure(paths.install_key).derive(ATTEMPTS)
        panel_key = PanelKey.create(paths.panel_key)
        yield Daemon(
            make_provider=options.make_provider,
            paths=paths,
            settings=settings,
            policy=policy,
            preferences=preferences,
            autostart=autostart(start_command(options.state_dir)),
            panel_key=panel_key,
            first_tickets=FirstTickets(panel_key.derive(PURPOSE)),
            update=UpdateWatch(paths.update, settings, preferences),
            recorder=CallRecorder(always=options.record),
            trust_keeper=TrustKeeper(paths.trust, paths.tls / identity.AUTHORITY_FILE),
            _running=running,
            _citizen=stack.enter_context(closing(citizen)),
            _history=stack.enter_context(closing(History(paths.history))),
            _attempts=stack.enter_context(closing(StoredAttempts.open(paths.attempts, key))),
        )


def _log_policy(policy: Policy) -> None:
    if policy.problem is not None:
        _log.error("the policy cannot be used: every site is refused", detail=policy.problem)
    if policy.planted is not None:
        _log.warning("a policy of no administrator is ignored", detail=policy.planted)

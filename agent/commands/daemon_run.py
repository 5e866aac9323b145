"""One run of an agent: its doors, its panel, and the work beside them.

What it imports takes as long to load as all that was opened before it: :mod:`agent.commands.daemon`
imports it when the run begins, and the icon comes up meanwhile.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import replace
from typing import Any, Final

import structlog

from agent import __version__
from agent.commands.daemon import Daemon, Observer
from agent.commands.open_tokens import open_tokens
from agent.commands.panel_doctor import PanelDoctor
from agent.commands.port_turns import PortTurns
from agent.commands.porter_tending import PorterTending, wanted_ports
from agent.host.instance import install_key, quitting
from agent.host.peer import check as peer
from agent.host.peer.port_owner import PortOwner
from agent.host.seat import FIRST_LOOK_SECONDS, find_seat
from agent.host.seat.session_seat import SessionSeat
from agent.host.settings.config import MCA_PORT
from agent.host.settings.policy_watch import PolicyWatch
from agent.host.shared_program import SharedProgram
from agent.host.tls import identity, switch
from agent.origin import Origin
from agent.signing.model import CardPresence
from agent.signing.recording import Signed
from agent.signing.service import SigningService
from agent.web.front.mount import Mount
from agent.web.front.serving import Listener
from agent.web.hipki.hipki_mount import HIPKI, HipkiMount
from agent.web.jrsys.jrsys_mount import JrsysMount
from agent.web.jrsys.listeners import jrsys_lacking, jrsys_listeners, jrsys_ports
from agent.web.native.messages import AgentState
from agent.web.panel.first_page import FirstMount
from agent.web.panel.panel import Panel, PanelPorts, Sources
from agent.web.ports import RETAKE_SECONDS, ListenResult, ServerConfig, Serving, serve
from agent.words import Language, say

MCA: Final = "mca"
"""The listener for pages of the MCA kind."""

_log = structlog.get_logger(__name__)


class DaemonRun:
    """An opened agent at work."""

    def __init__(self, daemon: Daemon, observer: Observer) -> None:
        """Say which agent, and who is told of events."""
        self._daemon = daemon
        self._observer = observer
        self._changed = asyncio.Event()  # of the ports
        # One that a test controls is in front, whoever is at the screen.
        self._seat = find_seat() if daemon.testing is None else SessionSeat()

    async def until(self, stopped: asyncio.Event) -> None:
        """Serve until ``stopped`` is set; may be called once.

        Raises:
            AgentError: there is no PC/SC library.
            OSError: a file cannot be read or written.

        """
        daemon, observer = self._daemon, self._observer
        served = await asyncio.to_thread(daemon.tls.ensure)
        context = identity.server_context(served)
        known = await asyncio.to_thread(install_key.InstallKey.ensure, daemon.paths.install_key)

        def signed(told: Signed) -> None:
            observer.signed(told)
            panel.key_used()

        def updated() -> None:
            observer.updated(daemon.update.status)
            daemon.events.update_known(daemon.update.status)
            panel.updated()

        service = self._service(signed)
        panel = await asyncio.to_thread(Panel, self._sources(service), self._opens_panel)
        loop = asyncio.get_running_loop()
        daemon.listeners.extend(self._listeners(panel, loop))
        plain = await asyncio.to_thread(self._plain_mounts, service, loop)
        async with AsyncExitStack() as stack:
            stack.callback(daemon.events.stopped)
            stack.push_async_callback(daemon.citizen.close_windows)
            stack.push_async_callback(service.close)
            stack.enter_context(service.watch(lambda: self._make_window_ready(service)))
            await service.start()
            switching = switch.LeafSwitch(context, daemon.tls.ensure, served).run()
            quits = quitting.until_asked(daemon.paths.quit_request, stopped.set)
            for work in (switching, quits, daemon.update.run(updated)):
                stack.callback(asyncio.create_task(work).cancel)
            ports = replace(
                self._ports(context),
                virtual=service.provider_kind == "virtual",
                native_mounts=(panel.first_door, panel.mount),
                listeners=tuple(self._old_listeners(plain, service, context)),
                prove=known.prove,
            )
            listening = await self._listen(ports, service, stack)
            stack.callback(panel.close)
            stack.enter_context(service.watch(lambda: observer.changed(service.snapshot())))
            await self._attend(listening, service, panel, stack)
            await stopped.wait()

    async def _listen(
        self, ports: ServerConfig, service: SigningService, stack: AsyncExitStack
    ) -> Serving:
        """Open the ports; those of old pages only while this person is in front.

        Where a porter holds ports for everybody, these are left to it.
        """
        await stack.enter_async_context(self._seat.watched(FIRST_LOOK_SECONDS))
        porter = PorterTending(wanted_ports(self._daemon.settings), lambda: self._seat.in_front)
        entrusted = await porter.begin()
        released = not self._seat.in_front
        ports = replace(ports, begins_released=released, entrusted=entrusted)
        listening = await serve(ports, service)
        stack.push_async_callback(listening.close)
        stack.callback(asyncio.create_task(porter.tend(listening, self._changed.set)).cancel)
        return listening

    async def _attend(
        self,
        listening: Serving,
        service: SigningService,
        panel: Panel,
        stack: AsyncExitStack,
    ) -> None:
        """Announce that pages are answered, and begin what goes on beside that."""
        await self._announce(listening, service, panel, stack)
        stack.enter_context(self._kept(panel, asyncio.get_running_loop()))
        taking = self._keep_ports(listening, service, panel)
        stack.callback(asyncio.create_task(taking).cancel)

    async def _control(
        self, stack: AsyncExitStack, listening: Serving, service: SigningService
    ) -> dict[str, Any]:
        """Let a test control the agent, if one does; return what the agent says of that."""
        daemon = self._daemon
        testing, store = daemon.testing, daemon.citizen.store
        if testing is None:
            return {}
        from agent.testkit.control_calls import (  # noqa: PLC0415  # testers only
            AgentUnderTest,
        )

        stored = () if store is None else (store.forget_all,)
        testing.use_issuer(daemon.paths.state / "issuer")
        stack.push_async_callback(testing.close)
        agent = AgentUnderTest(
            service=service,
            recorder=daemon.recorder,
            forget=(listening.forget_rates, daemon.citizen.forget_refusals),
            forget_stored=(*stored, daemon.attempts.forget_all),
        )
        served = await asyncio.to_thread(daemon.tls.ensure)
        return await testing.open(agent, served.leaf)

    def _listeners(
        self, panel: Panel, loop: asyncio.AbstractEventLoop
    ) -> tuple[Callable[[], None], ...]:
        """Return what is to hear, in any thread, that the user changed a setting."""

        def place_changed() -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._daemon.citizen.place_changed)

        return lambda: panel.settings_changed(loop), self._observer.settings_changed, place_changed

    def _plain_mounts(
        self, service: SigningService, loop: asyncio.AbstractEventLoop
    ) -> tuple[FirstMount, HipkiMount]:
        def site_waits(site: Origin) -> None:
            def ask() -> None:
                asyncio.run_coroutine_threadsafe(mount.ask_about(site), loop)

            self._observer.site_waits(site, ask)

        mount = HipkiMount(
            service,
            self._daemon.citizen.consent,
            self._daemon.settings,
            language=lambda: self._daemon.preferences.language,
            on_image=site_waits,
            recorder=self._daemon.recorder,
        )
        first = FirstMount(
            self._daemon.first_tickets.claim,
            lambda: self._daemon.preferences.language,
            trust_left=SharedProgram().leaves_trust(),
        )
        return first, mount

    def _opens_panel(self, token: str) -> bool:
        return self._daemon.panel_key.spend(token) or self._daemon.first_tickets.spend(token)

    @contextmanager
    def _kept(self, panel: Panel, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Keep browsers trusting us, and the policy as it is laid down."""
        keeper = self._daemon.trust_keeper
        keeper.on_steps(self._daemon.events.trust_seen)

        def tell() -> None:
            self._observer.restart_needed(keeper.restart_needed())
            panel.updated()

        def changed() -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(tell)

        with keeper.watched(changed), keeper.running(), self._policy_watched():
            yield

    def _policy_watched(self) -> AbstractContextManager[None]:
        daemon = self._daemon
        if daemon.testing is not None:
            return nullcontext()  # one that a test controls began without a policy

        def changed() -> None:
            daemon.instance.announce_policy(daemon.policy.fingerprint)
            daemon.events.policy_read()
            daemon.settings_changed()

        return PolicyWatch(daemon.policy, daemon.paths.policy, changed).running()

    def _make_window_ready(self, service: SigningService) -> None:
        states = (reader.state for reader in service.snapshot().readers)
        self._daemon.citizen.cards_are_there(are_there=CardPresence.CARD in states)

    def _service(self, signed: Callable[[Signed], None]) -> SigningService:
        store, events = self._daemon.citizen.store, self._daemon.events
        self._daemon.citizen.on_decided(events.site_decided)
        remember = (lambda _: None) if store is None else store.touch

        def used(site: Origin) -> None:
            events.site_used(site)
            remember(site)

        return SigningService(
            self._daemon.make_provider(),
            self._daemon.citizen.consent,
            prompter=self._daemon.citizen.prompter,
            last_try=self._daemon.settings.last_try,
            allow_sha1=self._daemon.settings.allow_sha1,
            attempts=self._daemon.attempts,
            history=self._daemon.history,
            on_signed=signed,
            on_use=used,
            on_outcome=self._daemon.events.key_asked,
            check_version=self._daemon.update.check_version,
            tokens=open_tokens(self._daemon.settings),
        )

    def _sources(self, service: SigningService) -> Sources:
        return Sources(
            service=service,
            paths=self._daemon.paths,
            policy=self._daemon.policy,
            preferences=self._daemon.preferences,
            sites=self._daemon.citizen.store,
            newcomers_wait=self._daemon.citizen.newcomers_wait,
            history=self._daemon.history,
            autostart=self._daemon.autostart,
            settings_changed=self._daemon.settings_changed,
            doctor=PanelDoctor(self._daemon.paths, service),
            consent=self._daemon.settings.consent,
            desk=self._daemon.citizen.desk,
            questions_fixed=self._daemon.settings.questions != "auto",
            update=lambda: self._daemon.update.status,
            restart_needed=self._daemon.trust_keeper.restart_needed,
            recorder=self._daemon.recorder,
            views=self._daemon.views,
            viewer=self._daemon.viewer,
            settings=self._daemon.settings,
        )

    def _ports(self, context: ssl.SSLContext) -> ServerConfig:
        settings = self._daemon.settings
        return ServerConfig(
            tls=context,
            settings=settings,
            state=self._state,
            is_our_peer=peer.check_for() if settings.check_peer else None,
            recorder=self._daemon.recorder,
            is_restart_due=lambda: bool(self._daemon.trust_keeper.restart_needed()),
            documents=self._daemon.paths.documents,
            views=self._daemon.views,
            language=lambda: self._daemon.preferences.language,
        )

    def _state(self) -> AgentState:
        return "running" if self._daemon.policy.problem is None else "policy_unusable"

    def _old_listeners(
        self, plain: tuple[Mount, ...], service: SigningService, context: ssl.SSLContext
    ) -> Iterator[Listener]:
        yield Listener(name=HIPKI, ports=(self._daemon.settings.hipki_port,), mounts=plain)
        if self._daemon.settings.mca:
            yield Listener(name=MCA, ports=(MCA_PORT,), mounts=plain[-1:])
        mount = JrsysMount(service, self._daemon.settings, recorder=self._daemon.recorder)
        yield from jrsys_listeners(self._daemon.settings, mount, context)

    async def _announce(
        self,
        listening: Serving,
        service: SigningService,
        panel: Panel,
        stack: AsyncExitStack,
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
        if listening.left:
            ready["left"] = listening.left
        control = await self._control(stack, listening, service)
        # Before anybody is told where to ask: it comes before what it makes possible.
        await asyncio.to_thread(self._daemon.events.started)
        self._observer.ready({**ready, "provider": kind, **control})
        self._observer.updated(self._daemon.update.status)
        self._daemon.events.update_known(self._daemon.update.status)
        self._observer.changed(service.snapshot())

    async def _announce_ports(
        self, listening: Serving, service: SigningService, panel: Panel
    ) -> None:
        hipki = listening.others[HIPKI]
        old = jrsys_ports(listening.others)
        lacking = [each for each in jrsys_lacking(listening.others) if not each.released]
        holders = await asyncio.to_thread(lambda: [_holder(each) for each in (hipki, *lacking)])
        panel.listening(
            PanelPorts(
                listening.port,
                hipki.port,
                holders[0],
                **old,
                jrsys_holders=holders[1:],
                left=bool(listening.left),
            )
        )
        plain, tls = self._daemon.settings.open_jrsys_ports
        await asyncio.to_thread(
            self._daemon.instance.announce,
            port=listening.port,
            hipki_port=hipki.port,
            provider=service.provider_kind,
            testing=self._daemon.testing is not None,
            also=listening.also,
            missing=listening.missing,
            left=listening.left,
            mca_port=listening.others[MCA].port if MCA in listening.others else None,
            jrsys_ports=tuple(port for ports in old.values() for port in ports),
            jrsys_missing=tuple(port for port in listening.missing if port in {*plain, *tls}),
            porter=tuple(sorted(listening.entrusted)),
        )

    async def _keep_ports(self, listening: Serving, service: SigningService, panel: Panel) -> None:
        """Take and give up ports as people take turns, and announce each change.

        What cannot be written for now, on a full disk, is written later.
        """
        changed = self._changed
        turns = PortTurns(listening, self._seat, changed.set, service.leave_cards)
        taking = asyncio.create_task(turns.run())
        try:
            while True:
                await changed.wait()
                changed.clear()
                try:
                    await self._announce_ports(listening, service, panel)
                except OSError as error:
                    _log.warning("the record of the ports cannot be written", detail=str(error))
                    asyncio.get_running_loop().call_later(RETAKE_SECONDS, changed.set)
                hipki = listening.others[HIPKI].port
                self._observer.listening(listening.port, hipki, left=bool(listening.left))
        finally:
            taking.cancel()


def _holder(found: ListenResult) -> Mapping[str, str]:
    """Say in each language who holds the port of a listener; nothing of one that has its port."""
    if found.owner is None:
        return {}
    return {language: _holder_in(language, found.wanted, found.owner) for language in Language}


def _holder_in(language: Language, port: int, owner: PortOwner) -> str:
    return say(language, "holder.port", {"port": port, "holder": owner.words(language)})

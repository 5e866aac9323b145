"""Run the agent: open its files, then serve in one event loop, which may be in any thread."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from agent.cards.known_attempts import PURPOSE as ATTEMPTS
from agent.cards.known_attempts import StoredAttempts
from agent.commands.browser import open_own_window
from agent.commands.citizen import Citizen, open_citizen
from agent.commands.event_telling import EventTelling, telling_events
from agent.consent.process import has_display
from agent.errors import BadRequestError
from agent.history.store import History
from agent.host.autostart import Autostart, autostart, start_command
from agent.host.instance import install_key
from agent.host.instance.first_ticket import PURPOSE, FirstTickets
from agent.host.instance.panel_key import PanelKey
from agent.host.instance.running import Instance
from agent.host.machine import logs
from agent.host.machine.descriptors import raise_descriptor_limit
from agent.host.machine.document_copies import clear_abandoned
from agent.host.machine.memory import leave_no_core, shut_others_out
from agent.host.machine.paths import Paths
from agent.host.machine.resting import Resting
from agent.host.machine.umask import private_files
from agent.host.settings import config
from agent.host.settings.config import Settings
from agent.host.settings.policy import Policy
from agent.host.settings.policy_in_force import policy_in_force
from agent.host.settings.preferences import Preferences
from agent.host.tls.places import TlsSource
from agent.host.tls.trust_keeper import TrustKeeper
from agent.host.update.status import UpdateStatus
from agent.host.update.watch import UpdateWatch
from agent.origin import Origin
from agent.signing.model import Snapshot
from agent.signing.recording import Signed
from agent.transport.base import CardProvider
from agent.web.offered_views import OfferedViews
from agent.web.panel.document_viewer import DocumentViewer
from agent.web.recorder.recorder import CallRecorder

if TYPE_CHECKING:
    from agent.testkit.testing import AgentTesting

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
        testing: answers and controls it in a test; None where a citizen does.

    """

    make_provider: Callable[[], CardProvider]
    state_dir: Path | None = None
    record: bool = False
    testing: "AgentTesting | None" = None
    flags: Mapping[str, object] = field(default_factory=dict)


class Observer:
    """A receiver of events, called in the event loop; it must not block. This one ignores them."""

    def ready(self, facts: dict[str, Any]) -> None:
        """Handle that every free port answers; ``facts`` is what ``serve`` prints as JSON."""

    def listening(self, port: int | None, hipki_port: int | None, *, left: bool) -> None:
        """Handle that a port which another program held is the agent's now, or one was given up.

        Args:
            port: of the native API; None while other programs hold all of its ports.
            hipki_port: of existing pages, likewise.
            left: whether ports are left to another person, who is in front of this computer.

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
        tls: gives the certificates to serve with.
        instance: holds the lock, and tells other processes of this one.
        citizen: is asked.
        viewer: shows the documents that the citizen is asked about.
        history: is told what was done with cards.
        attempts: knows how many tries cards had left.
        events: tells the system's log what an administrator wants to know.
        testing: answers and controls it in a test; None where a citizen does.
        views: these documents.
        listeners: are called when the user changed a setting.

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
    tls: TlsSource
    instance: Instance
    citizen: Citizen
    viewer: DocumentViewer
    history: History
    attempts: StoredAttempts
    events: EventTelling
    testing: "AgentTesting | None" = None
    views: OfferedViews = field(default_factory=OfferedViews)
    listeners: list[Callable[[], None]] = field(default_factory=list)

    def settings_changed(self) -> None:
        """Notify all listeners that the user changed a setting; blocks, not for the event loop."""
        for listener in self.listeners:
            listener()

    def icon_shown(self, shown: bool) -> None:
        """Tell the doctor whether the desktop shows the icon; blocks, from any thread."""
        self.instance.announce_icon(shown=shown)

    async def run(self, stopped: asyncio.Event, observer: Observer) -> None:
        """Serve until ``stopped`` is set.

        Raises:
            AgentError: there is no PC/SC library.
            OSError: a file cannot be read or written.

        """
        # The libraries of the web take as long to load as all the rest: the icon need not wait.
        from agent.commands.daemon_run import DaemonRun  # noqa: PLC0415

        await asyncio.to_thread(clear_abandoned, self.paths.documents)
        with Resting().running():
            await DaemonRun(self, observer).until(stopped)


@contextmanager
def opened(options: DaemonOptions) -> Iterator[Daemon]:
    """Lock the agent's folder and open its files, for as long as the context lasts.

    Raises:
        AlreadyRunningError: another agent has locked the folder.
        UnsafeFolderError: others than this user can change what is in the folder.
        AgentError: the settings or a database cannot be used; or a test wants to control an agent
            that has a policy.
        OSError: the folder cannot be used.

    """
    leave_no_core()
    raise_descriptor_limit()
    shut_others_out()
    paths = Paths.choose(options.state_dir)
    paths.prepare()
    policy = _policy(options, paths)
    # The policy takes precedence over the command line too.
    settings = policy.over(config.load(paths.config, options.flags))
    with ExitStack() as stack:
        stack.enter_context(private_files())
        display = _has_display(settings, options)
        running = stack.enter_context(Instance(paths, policy.fingerprint, display))
        stack.enter_context(logs.logging_to(paths.logs, settings.log_level))
        _log_policy(policy)
        preferences = Preferences(paths.preferences)
        panel_key = PanelKey.create(paths.panel_key)
        viewer = DocumentViewer(panel_key.make_token, open_own_window)
        citizen = _citizen(settings, policy, paths, preferences, options.testing, viewer)
        tls = TlsSource(paths, may_share="page_pin" in {**policy.implied, **policy.locked})
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
            trust_keeper=TrustKeeper(paths.trust, tls.authority),
            tls=tls,
            instance=running,
            citizen=stack.enter_context(closing(citizen)),
            viewer=viewer,
            history=stack.enter_context(closing(History(paths.history))),
            attempts=stack.enter_context(closing(_attempts(paths))),
            events=stack.enter_context(telling_events(settings, policy, paths)),
            testing=options.testing,
        )


def _attempts(paths: Paths) -> StoredAttempts:
    key = install_key.InstallKey.ensure(paths.install_key).derive(ATTEMPTS)
    return StoredAttempts.open(paths.attempts, key)


def _has_display(settings: Settings, options: DaemonOptions) -> bool | None:
    """Return whether windows can be shown; None where none will be."""
    return has_display() if settings.consent == "ask" and options.testing is None else None


def _citizen(  # noqa: PLR0913, PLR0917  # whatever asks meets here
    settings: Settings,
    policy: Policy,
    paths: Paths,
    preferences: Preferences,
    testing: "AgentTesting | None",
    viewer: DocumentViewer,
) -> Citizen:
    return open_citizen(
        settings,
        policy,
        paths.sites,
        lambda: preferences.language,
        lambda: preferences.questions,
        scripted=None if testing is None else testing.prompter,
        view=viewer.show,
    )


def _policy(options: DaemonOptions, paths: Paths) -> Policy:
    """Read it; refuse to answer for a citizen whose administrator has said something."""
    policy = policy_in_force(paths)
    if options.testing is not None and (policy.source is not None or policy.planted is not None):
        raise BadRequestError(
            "a test controls no agent that has a policy", said=("cli.error.only_for_tests", {})
        )
    return policy


def _log_policy(policy: Policy) -> None:
    if policy.problem is not None:
        _log.error("the policy cannot be used: every site is refused", detail=policy.problem)
    if policy.planted is not None:
        _log.warning("a policy of no administrator is ignored", detail=policy.planted)

"""Build what decides and asks in the user's place: policy, stored decisions and windows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.commands.browser import can_open_browser, open_own_window
from agent.consent.as_page import describe
from agent.consent.consent import AlwaysAllow, Ask, Consent, Refuse
from agent.consent.joining import JoiningPrompter
from agent.consent.local_user import LocalUserConsent
from agent.consent.permissions import Permission
from agent.consent.policy_permissions import PolicyPermissions
from agent.consent.process import ProcessPrompter, has_display, prompt_command
from agent.consent.questions import NoPrompter, Prompter
from agent.consent.queue import PromptQueue
from agent.consent.site_leave import SiteLeaves
from agent.consent.site_store import SiteListener, SiteStore
from agent.consent.standby import Standby
from agent.consent.wire import WAIT
from agent.host.machine import screen_reader
from agent.host.settings.config import QuestionPlace, Settings
from agent.host.settings.policy import Policy, Ruling
from agent.origin import Origin
from agent.web.hipki.popup_prompter import PopupPrompter
from agent.web.panel.page_prompter import PagePrompter
from agent.web.panel.question_desk import QuestionDesk
from agent.words.language import SYSTEM


@dataclass(frozen=True, slots=True)
class Citizen:
    """What decides for the user and asks the user in a running agent.

    Attributes:
        consent: decides about sites and last attempts.
        prompter: asks for PINs.
        store: the database of decisions; None if ``--consent`` decides.
        newcomers_wait: tells whether a new site is not asked about now.
        desk: asks in pages of the panel; None if ``--consent`` decides.
        standby: has a window ready while a card is there; None where none is shown.
        forget_refusals: forgets who was refused, and what a yes covers, as after a new start.

    """

    consent: Consent
    prompter: Prompter
    store: SiteStore | None = None
    newcomers_wait: Callable[[], bool] = lambda: False
    desk: QuestionDesk | None = None
    standby: Standby | None = None
    forget_refusals: Callable[[], None] = lambda: None

    def cards_are_there(self, *, are_there: bool) -> None:
        """Have a window ready while a card is in a reader; in the event loop."""
        if self.standby is not None:
            self.standby.want(is_wanted=are_there)

    def place_changed(self) -> None:
        """Have a window ready, or none, as the citizen wants to be asked now; in the event loop."""
        if self.standby is not None:
            self.standby.look_again()

    def on_decided(self, listener: SiteListener) -> None:
        """Have it told of each decision about a site (see :meth:`SiteStore.on_decided`)."""
        if self.store is not None:
            self.store.on_decided(listener)

    async def close_windows(self) -> None:
        """End the window that was ready."""
        if self.standby is not None:
            await self.standby.close()

    def close(self) -> None:
        """Write pending decisions to disk; blocks for a few seconds at most."""
        if self.store is not None:
            self.store.close()


def open_citizen(  # noqa: PLR0913  # whatever decides and asks meets here
    settings: Settings,
    policy: Policy,
    sites: Path,
    language: Callable[[], str] = lambda: SYSTEM,
    chosen_place: Callable[[], QuestionPlace] = lambda: "auto",
    *,
    scripted: Prompter | None = None,
    view: Callable[[str], None] = lambda _: None,
) -> Citizen:
    """Open what decides about sites and asks the user; it blocks, so call it in a thread.

    Args:
        settings: who answers (``consent``), and the rules for PINs of pages and blind signatures.
        policy: of this computer.
        sites: the path of the database of decisions.
        language: returns the language of the windows that the user chose.
        chosen_place: returns where the user chose to be asked.
        scripted: answers all questions in the citizen's place, in a test; None to show windows.
        view: shows the documents that a question names.

    Raises:
        AgentError: the database can be neither opened nor made.

    """
    nobody = NoPrompter(f"started with --consent {settings.consent}: there are no windows")

    def blind(site: Origin) -> Ruling:
        return policy.blind_decision(site, settings.blind_signatures)

    if settings.consent != "ask":
        return Citizen(LocalUserConsent(_answering(settings, policy, blind)), nobody)
    store = SiteStore(sites)
    permissions = PolicyPermissions(policy, store, blind)

    def block(site: Origin) -> None:
        permissions.remember(site, Permission.BLOCKED)

    place = partial(_place, settings, chosen_place)
    desk = QuestionDesk(open_own_window, view=view)
    standby = _standby(place) if has_display() and scripted is None else None
    windows = PromptQueue(scripted or _asking(policy, desk, place, language, standby, view), block)
    leaves = SiteLeaves()
    joining = JoiningPrompter(windows, permissions, leaves)
    # What a test leaves open is not asked in a popup.
    prompter = PopupPrompter(joining) if scripted is None else joining
    # Where no page may hand a PIN over, no window need speak of it.
    confirm_unknown = settings.unknown_tries == "ask" and settings.page_pin
    ask = Ask(permissions, prompter, leaves=leaves, confirm_unknown=confirm_unknown)
    consent, forget = LocalUserConsent(ask), partial(_forget, windows, leaves)
    return Citizen(consent, prompter, store, windows.newcomers_wait, desk, standby, forget)


def _place(settings: Settings, chosen: Callable[[], QuestionPlace]) -> QuestionPlace:
    return settings.questions if settings.questions != "auto" else chosen()


def _forget(windows: PromptQueue, leaves: SiteLeaves) -> None:
    windows.forget()
    leaves.clear()


def _answering(
    settings: Settings, policy: Policy, blind: Callable[[Origin], Ruling]
) -> AlwaysAllow | Refuse:
    """Return what answers for the citizen where ``--consent`` decides."""
    if settings.consent == "allow":
        return AlwaysAllow(
            lambda site: policy.decision(site) is Ruling.FORBIDDEN,
            lambda site: blind(site) is Ruling.FORBIDDEN,
        )
    return Refuse("whoever started the agent refuses every site")


async def _wants_page(place: QuestionPlace) -> bool:
    return place == "page" or (place == "auto" and await screen_reader.runs())


def _standby(place: Callable[[], QuestionPlace]) -> Standby:
    """Return what has a window ready, but none where a page asks."""

    async def asks_here() -> bool:
        return not await _wants_page(place())

    return Standby((*prompt_command(), WAIT), asks_here)


def _asking(  # noqa: PLR0913, PLR0917  # whatever asks meets here
    policy: Policy,
    desk: QuestionDesk,
    place: Callable[[], QuestionPlace],
    language: Callable[[], str],
    standby: Standby | None,
    view: Callable[[str], None],
) -> Prompter:
    """Return what asks in windows or pages, as the citizen or an administrator wants."""
    command = prompt_command()

    def administrator() -> str:
        return policy.fleet.consent_text

    async def wants_page() -> bool:
        wanted = await _wants_page(place())
        if wanted and standby is not None:
            standby.look_again()  # the screen reader may have begun after the window was ready
        return wanted

    return PagePrompter(
        ProcessPrompter(command, language, standby, view=view, administrator=administrator),
        desk,
        lambda prompt: describe(command, prompt, language(), administrator()),
        wants_page,
        lambda: place() == "page" and can_open_browser(),
    )

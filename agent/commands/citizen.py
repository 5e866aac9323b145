"""Who answers for the citizen, put together: flag, policy, decisions on disk, windows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.host.policy import Policy, Ruling
from agent.signing.consent import AlwaysAllow, Consent, Refuse
from agent.signing.permissions import Permission
from agent.signing.prompt_process import ProcessPrompter, prompt_command
from agent.signing.prompt_turns import Turns
from agent.signing.prompt_wire import SYSTEM
from agent.signing.prompts import NoPrompter, Prompter
from agent.signing.site_store import SiteStore
from agent.signing.sites import Site
from agent.signing.standing import Standing
from agent.web.hipki.consent import PopupConsent, PopupPrompter


@dataclass(frozen=True, slots=True)
class Citizen:
    """What stands for the citizen in a running agent.

    Attributes:
        consent: decides about sites and last tries.
        prompter: asks for PINs.
        store: where decisions are kept; None where a flag decides.

    """

    consent: Consent
    prompter: Prompter
    store: SiteStore | None = None

    def close(self) -> None:
        """Write what is not yet on disk; blocks for seconds at most."""
        if self.store is not None:
            self.store.close()


def open_citizen(
    answer: str, policy: Policy, sites: Path, language: Callable[[], str] = lambda: SYSTEM
) -> Citizen:
    """Put the parts together; blocks, not for the event loop.

    Args:
        answer: "ask", "allow" or "deny".
        policy: of this computer.
        sites: the database of decisions.
        language: of the windows, as the citizen chose it.

    Raises:
        AgentError: the database can be neither opened nor made.

    """
    nobody = NoPrompter(f"started with --consent {answer}: there are no windows")
    if answer == "allow":

        def forbidden(site: Site) -> bool:
            return policy.decision(site.origin) is Ruling.FORBIDDEN

        return Citizen(AlwaysAllow(forbidden), nobody)
    if answer == "deny":
        return Citizen(Refuse("whoever started the agent refuses every site"), nobody)
    store = SiteStore(sites)
    standing = Standing(policy, store)

    def block(site: Site) -> None:
        standing.remember(site, Permission.BLOCKED)

    windows = Turns(ProcessPrompter(prompt_command(), language), block)
    prompter = PopupPrompter(windows)
    return Citizen(PopupConsent(standing, prompter), prompter, store)

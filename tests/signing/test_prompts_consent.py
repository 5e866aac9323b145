"""What the citizen says about a site, what stands afterwards, and who is stronger than they."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.commands.citizen import open_citizen
from agent.consent.consent import Ask, Consent
from agent.consent.permissions import Permission
from agent.consent.policy_permissions import PolicyPermissions
from agent.consent.questions import AllowSite, NoPrompter, SiteAnswer
from agent.consent.site_store import Decision, SiteStore
from agent.errors import AgentError, ErrorCode
from agent.host.settings.policy import Policy, SiteRules
from agent.origin import LOCAL_USER, SELF_TEST, Origin
from tests.signing.permission_support import MemoryPermissions
from tests.signing.prompt_support import LAST, OTHER, SITE, Citizen, says

RULES = SiteRules(allowed=("https://portal.example",), forbidden=("https://other.example:8443",))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SiteStore]:
    """Open an empty store of decisions."""
    opened = SiteStore(tmp_path / "sites.sqlite")
    yield opened
    opened.close()


async def code_of(consent: Consent) -> ErrorCode:
    with pytest.raises(AgentError) as error:
        await consent.allow_site(SITE)
    return error.value.code


@pytest.mark.parametrize(
    ("answer", "code", "decision", "times"),
    [
        (SiteAnswer.THIS_TIME, None, Decision.THIS_TIME, 1),
        (SiteAnswer.ALWAYS, None, Decision.ALLOWED, 1),
        (SiteAnswer.NEVER, ErrorCode.ORIGIN_BLOCKED, Decision.BLOCKED, 1),
        (SiteAnswer.CANCEL, ErrorCode.USER_CANCELLED, Decision.UNKNOWN, 2),
    ],
)
async def test_an_answer_is_kept_for_as_long_as_it_says(
    store: SiteStore,
    answer: SiteAnswer,
    code: ErrorCode | None,
    decision: Decision,
    times: int,
) -> None:
    citizen = Citizen([says(answer), says(answer)])
    ask = Ask(PolicyPermissions(Policy(), store), citizen)
    for _ in range(2):
        if code is None:
            await ask.allow_site(SITE)
        else:
            assert await code_of(ask) is code
    assert citizen.asked == [AllowSite(SITE)] * times
    assert store.decision(SITE) is decision
    assert ask.is_allowed(SITE) is (code is None)
    assert not ask.is_allowed(OTHER)


async def test_where_no_window_can_be_shown_a_new_site_is_not_allowed(store: SiteStore) -> None:
    ask = Ask(PolicyPermissions(Policy(), store), NoPrompter("no window can be shown here"))
    assert await code_of(ask) is ErrorCode.ORIGIN_NOT_ALLOWED
    store.remember(SITE, Decision.ALLOWED)
    await ask.allow_site(SITE)


async def test_the_policy_is_stronger_than_what_was_decided(store: SiteStore) -> None:
    citizen = Citizen()
    standing = PolicyPermissions(Policy(RULES), store)
    ask = Ask(standing, citizen)
    standing.remember(SITE, Permission.BLOCKED)
    standing.remember(OTHER, Permission.ALLOWED)
    assert ask.is_allowed(SITE)
    assert not ask.is_allowed(OTHER)
    await ask.allow_site(SITE)
    with pytest.raises(AgentError) as error:
        await ask.allow_site(OTHER)
    assert error.value.code is ErrorCode.ORIGIN_BLOCKED
    assert citizen.asked == []


async def test_the_policy_is_stronger_than_the_command_line(tmp_path: Path) -> None:
    citizen = open_citizen("allow", Policy(RULES), tmp_path / "sites.sqlite")
    assert citizen.consent.is_blocked(OTHER)
    await citizen.consent.allow_site(SITE)
    assert not citizen.consent.is_allowed(OTHER)
    with pytest.raises(AgentError):
        await citizen.consent.allow_site(OTHER)
    assert not citizen.prompter.can_ask()
    citizen.close()


@pytest.mark.parametrize("answer", ["ask", "allow", "deny"])
def test_a_flag_keeps_no_decisions(tmp_path: Path, answer: str) -> None:
    citizen = open_citizen(answer, Policy(), tmp_path / "sites.sqlite")
    assert (citizen.store is not None) is (answer == "ask")
    assert citizen.consent.is_allowed(SITE) is (answer == "allow")
    citizen.close()


async def test_blocking_in_the_pin_window_is_kept(tmp_path: Path) -> None:
    citizen = open_citizen("ask", Policy(), tmp_path / "sites.sqlite")
    assert citizen.store is not None
    citizen.prompter._windows._prompter._block(SITE)  # type: ignore[attr-defined]  # as its window would
    assert citizen.store.decision(SITE) is Decision.BLOCKED
    citizen.close()


async def test_the_last_attempt_needs_a_yes() -> None:
    yes = Ask(MemoryPermissions(), Citizen([says(True)]))
    await yes.allow_last_attempt(LAST)
    no = Ask(MemoryPermissions(), Citizen([says(False)]))
    with pytest.raises(AgentError) as error:
        await no.allow_last_attempt(LAST)
    assert (error.value.code, error.value.attempts_left) == (ErrorCode.PIN_LAST_ATTEMPT, 1)


@pytest.mark.parametrize("answer", ["ask", "allow", "deny"])
@pytest.mark.parametrize("own", [LOCAL_USER, SELF_TEST])
async def test_what_the_citizen_started_needs_nobodys_permission(
    tmp_path: Path, answer: str, own: Origin
) -> None:
    citizen = open_citizen(answer, Policy(), tmp_path / "sites.sqlite")
    assert citizen.consent.is_allowed(own)
    assert not citizen.consent.is_blocked(own)
    await citizen.consent.allow_site(own)
    citizen.close()


async def test_the_citizen_may_decide_again_about_a_site_that_they_blocked() -> None:
    permissions = MemoryPermissions()
    permissions.remember(SITE, Permission.BLOCKED)
    citizen = Citizen([says(SiteAnswer.ALWAYS)])
    await Ask(permissions, citizen).decide_again(SITE, SiteAnswer.THIS_TIME)
    assert citizen.asked == [AllowSite(SITE)]
    assert permissions.find(SITE) is Permission.ALLOWED

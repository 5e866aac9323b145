"""What the citizen says about a site, what stands afterwards, and who is stronger than they."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest

from agent.commands.citizen import open_citizen
from agent.consent.consent import Ask, Consent
from agent.consent.joining import JoiningPrompter
from agent.consent.permissions import Permission
from agent.consent.policy_permissions import PolicyPermissions
from agent.consent.questions import AllowBlind, AllowSite, NoPrompter, Prompt, Scope, SiteAnswer
from agent.consent.site_leave import SiteLeaves
from agent.consent.site_store import Decision, SiteStore
from agent.errors import AgentError, ErrorCode
from agent.host.settings.config import BlindRule, Settings
from agent.host.settings.policy import Policy, Ruling
from agent.host.settings.policy_rules import SiteRules
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


@pytest.mark.parametrize(
    ("answer", "code", "times"),
    [
        (SiteAnswer.THIS_TIME, None, 1),
        (SiteAnswer.ALWAYS, None, 1),
        (SiteAnswer.NEVER, ErrorCode.BLIND_NOT_ALLOWED, 1),
        (SiteAnswer.CANCEL, ErrorCode.USER_CANCELLED, 2),
    ],
)
async def test_what_cannot_be_shown_is_asked_about_once(
    store: SiteStore, answer: SiteAnswer, code: ErrorCode | None, times: int
) -> None:
    citizen = Citizen([says(answer), says(answer)])
    store.remember(SITE, Decision.ALLOWED)
    ask = Ask(PolicyPermissions(Policy(), store), citizen)
    for _ in range(2):
        assert await blind_code(ask) is code
    assert citizen.asked == [AllowBlind(SITE)] * times
    assert store.decision(SITE) is Decision.ALLOWED


@pytest.mark.parametrize("answer", [SiteAnswer.THIS_TIME, SiteAnswer.ALWAYS])
@pytest.mark.parametrize(
    "newer", [Policy.unusable(Path("p"), "broken"), Policy(SiteRules(other_sites="forbid"))]
)
async def test_a_policy_that_comes_while_the_citizen_is_asked_is_stronger(
    store: SiteStore, answer: SiteAnswer, newer: Policy
) -> None:
    policy = Policy()

    def say(_: object) -> SiteAnswer:
        policy.take_over(newer)
        return answer

    ask = Ask(PolicyPermissions(policy, store), Citizen([say]))
    assert await code_of(ask) is ErrorCode.ORIGIN_BLOCKED
    assert not ask.is_allowed(SITE)


async def test_likewise_for_what_cannot_be_shown(store: SiteStore) -> None:
    rulings = [Ruling.SILENT]

    def say(_: object) -> SiteAnswer:
        rulings[:] = [Ruling.FORBIDDEN]
        return SiteAnswer.ALWAYS

    store.remember(SITE, Decision.ALLOWED)
    permissions = PolicyPermissions(Policy(), store, lambda _: rulings[0])
    ask = Ask(permissions, Citizen([say]))
    assert await blind_code(ask) is ErrorCode.BLIND_NOT_ALLOWED


async def blind_code(consent: Consent, site: Origin = SITE) -> ErrorCode | None:
    """Ask as a signature does; return what it is refused with."""
    try:
        if not consent.is_allowed(site):
            await consent.allow_site(site, blind=True)
        await consent.allow_blind(site)
    except AgentError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("answer", "code", "kept", "blind"),
    [
        (SiteAnswer.THIS_TIME, None, Decision.THIS_TIME, Decision.THIS_TIME),
        (SiteAnswer.ALWAYS, None, Decision.ALLOWED, Decision.ALLOWED),
        (SiteAnswer.NEVER, ErrorCode.ORIGIN_BLOCKED, Decision.BLOCKED, Decision.UNKNOWN),
        (SiteAnswer.CANCEL, ErrorCode.USER_CANCELLED, Decision.UNKNOWN, Decision.UNKNOWN),
    ],
)
async def test_a_new_site_that_wants_both_is_asked_about_in_one_window(
    store: SiteStore,
    answer: SiteAnswer,
    code: ErrorCode | None,
    kept: Decision,
    blind: Decision,
) -> None:
    citizen = Citizen([says(answer)])
    ask = Ask(PolicyPermissions(Policy(), store), citizen)
    assert await blind_code(ask) is code
    assert citizen.asked == [AllowSite(SITE, blind=True)]
    assert (store.decision(SITE), store.decision(SITE, Scope.BLIND)) == (kept, blind)


async def test_a_yes_to_the_site_alone_is_no_yes_to_what_cannot_be_shown(store: SiteStore) -> None:
    """Also for a request that joined its window while it was open."""
    opened = asyncio.Event()

    class Slow(Citizen):
        async def ask(self, prompt: Prompt[Any]) -> Any:
            opened.set()
            for _ in range(10):  # until the other request has joined
                await asyncio.sleep(0)
            return await super().ask(prompt)

    citizen = Slow([says(SiteAnswer.ALWAYS), says(SiteAnswer.NEVER)])
    permissions = PolicyPermissions(Policy(), store)
    ask = Ask(permissions, JoiningPrompter(citizen, permissions))
    plain = asyncio.create_task(ask.allow_site(SITE))
    await opened.wait()
    assert await blind_code(ask) is ErrorCode.BLIND_NOT_ALLOWED
    await plain
    assert citizen.asked == [AllowSite(SITE), AllowBlind(SITE)]


async def test_a_yes_in_a_window_that_spoke_of_no_pin_covers_none(store: SiteStore) -> None:
    """Also for those who joined it when another card, of unknown attempts, had been inserted."""
    opened, answered = asyncio.Event(), asyncio.Event()

    class Slow(Citizen):
        async def ask(self, prompt: Prompt[Any]) -> Any:
            opened.set()
            await answered.wait()
            return await super().ask(prompt)

    citizen = Slow([says(SiteAnswer.THIS_TIME)])
    permissions, leaves = PolicyPermissions(Policy(), store), SiteLeaves()
    ask = Ask(permissions, JoiningPrompter(citizen, permissions, leaves), leaves=leaves)
    async with asyncio.TaskGroup() as group:
        group.create_task(ask.allow_site(SITE))
        await opened.wait()
        group.create_task(ask.allow_site(SITE, attempts_unknown=True))
        again = ask.decide_again(SITE, SiteAnswer.THIS_TIME, attempts_unknown=True)
        group.create_task(again)  # from a page of ours
        await asyncio.sleep(0)
        answered.set()
    assert citizen.asked == [AllowSite(SITE)]
    assert ask.is_allowed(SITE)
    assert not ask.take_leave(SITE)


async def test_where_nobody_is_asked_nothing_is_signed_unseen(store: SiteStore) -> None:
    ask = Ask(PolicyPermissions(Policy(), store), NoPrompter("nobody is asked here"))
    assert await blind_code(ask) is ErrorCode.ORIGIN_NOT_ALLOWED
    store.remember(SITE, Decision.ALLOWED)
    assert await blind_code(ask) is ErrorCode.BLIND_NOT_ALLOWED
    store.remember(SITE, Decision.ALLOWED, Scope.BLIND)
    assert await blind_code(ask) is None


NAMED = SiteRules(blind_origins=("https://portal.example",))


@pytest.mark.parametrize(
    ("consent", "rule", "named", "other"),
    [
        ("allow", "ask", None, None),
        ("allow", "allow", None, None),
        ("allow", "deny", None, ErrorCode.BLIND_NOT_ALLOWED),
        ("ask", "allow", None, None),
        ("ask", "deny", None, ErrorCode.BLIND_NOT_ALLOWED),
        ("deny", "allow", ErrorCode.ORIGIN_NOT_ALLOWED, ErrorCode.ORIGIN_NOT_ALLOWED),
    ],
)
async def test_settings_and_policy_answer_for_the_citizen(
    tmp_path: Path,
    consent: Literal["ask", "allow", "deny"],
    rule: BlindRule,
    named: ErrorCode | None,
    other: ErrorCode | None,
) -> None:
    settings = Settings(consent=consent, blind_signatures=rule)
    citizen = open_citizen(settings, Policy(NAMED), tmp_path / "sites.sqlite")
    for site in (SITE, OTHER):
        if citizen.store is not None:
            citizen.store.remember(site, Decision.ALLOWED)
    assert await blind_code(citizen.consent) is named
    assert await blind_code(citizen.consent, OTHER) is other
    assert await blind_code(citizen.consent, SELF_TEST) is None
    citizen.close()


async def test_a_policy_that_cannot_be_used_forbids_it(tmp_path: Path) -> None:
    policy = Policy.unusable(tmp_path / "policy.toml", "broken")
    settings = policy.over(Settings(consent="allow", blind_signatures="allow"))
    citizen = open_citizen(settings, policy, tmp_path / "sites.sqlite")
    with pytest.raises(AgentError) as error:
        await citizen.consent.allow_blind(SITE)
    assert error.value.code is ErrorCode.BLIND_NOT_ALLOWED


async def test_where_nobody_is_asked_a_new_site_is_not_allowed(store: SiteStore) -> None:
    ask = Ask(PolicyPermissions(Policy(), store), NoPrompter("nobody is asked here"))
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
    citizen = open_citizen(Settings(consent="allow"), Policy(RULES), tmp_path / "sites.sqlite")
    assert citizen.consent.is_blocked(OTHER)
    await citizen.consent.allow_site(SITE)
    assert not citizen.consent.is_allowed(OTHER)
    with pytest.raises(AgentError):
        await citizen.consent.allow_site(OTHER)
    assert not citizen.prompter.can_ask()
    citizen.close()


@pytest.mark.parametrize("answer", ["ask", "allow", "deny"])
def test_a_flag_keeps_no_decisions(tmp_path: Path, answer: Literal["ask", "allow", "deny"]) -> None:
    citizen = open_citizen(Settings(consent=answer), Policy(), tmp_path / "sites.sqlite")
    assert (citizen.store is not None) is (answer == "ask")
    assert citizen.consent.is_allowed(SITE) is (answer == "allow")
    citizen.close()


async def test_blocking_in_the_pin_window_is_kept(tmp_path: Path) -> None:
    citizen = open_citizen(Settings(consent="ask"), Policy(), tmp_path / "sites.sqlite")
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
    tmp_path: Path, answer: Literal["ask", "allow", "deny"], own: Origin
) -> None:
    citizen = open_citizen(Settings(consent=answer), Policy(), tmp_path / "sites.sqlite")
    assert citizen.consent.is_allowed(own)
    assert not citizen.consent.is_blocked(own)
    await citizen.consent.allow_site(own)
    citizen.close()


def test_what_an_administrator_refused_the_citizen_did_not(tmp_path: Path) -> None:
    with closing(SiteStore(tmp_path / "sites.sqlite")) as store:
        store.remember(SITE, Decision.BLOCKED, Scope.BLIND)
        for ruling, expected in ((Ruling.SILENT, True), (Ruling.FORBIDDEN, False)):
            permissions = PolicyPermissions(Policy(), store, {SITE: ruling}.__getitem__)
            assert permissions.find(SITE, Scope.BLIND) is Permission.BLOCKED
            assert Ask(permissions, Citizen()).is_blind_refused(SITE) is expected


async def test_the_citizen_may_decide_again_about_a_site_that_they_blocked() -> None:
    permissions = MemoryPermissions()
    permissions.remember(SITE, Permission.BLOCKED)
    citizen = Citizen([says(SiteAnswer.ALWAYS)])
    await Ask(permissions, citizen).decide_again(SITE, SiteAnswer.THIS_TIME)
    assert citizen.asked == [AllowSite(SITE)]
    assert permissions.find(SITE) is Permission.ALLOWED

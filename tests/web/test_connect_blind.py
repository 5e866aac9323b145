"""A page that will want what cannot be shown says so as it connects, and sees one window."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from agent.cms.digest import HashAlgorithm
from agent.consent.consent import Ask
from agent.consent.permissions import Permission
from agent.consent.questions import AllowBlind, AllowSite, Scope, SiteAnswer
from agent.origin import Origin
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.signing.permission_support import MemoryPermissions
from tests.signing.prompt_support import Citizen, says
from tests.web.conftest import SITE, Agent, AgentFactory
from tests.web.hipki.rig import PIN

ORIGIN = Origin.parse(SITE)
DIGEST = base64.b64encode(HashAlgorithm.SHA256.digest(b"document")).decode()
BLIND_SIGN = {"params": {"digest": DIGEST, "hash": "SHA-256", "format": "pkcs1", "pin": PIN}}
Opening = Callable[[Citizen, Mapping[Scope, Permission]], Awaitable[Agent]]


@pytest.fixture
async def open_agent(
    start_agent: AgentFactory, make_card: Callable[..., VirtualCard]
) -> AsyncIterator[Opening]:
    """Start an agent with one card, for a citizen who said something before."""
    async with AsyncExitStack() as stack:

        async def open_it(citizen: Citizen, said: Mapping[Scope, Permission]) -> Agent:
            provider = VirtualProvider(readers=1)
            provider.insert(READER_NAME.format(0), make_card())
            permissions = MemoryPermissions()
            for scope, permission in said.items():
                permissions.remember(ORIGIN, permission, scope)
            ask = Ask(permissions, citizen, confirm_unknown=False)
            service = SigningService(provider, ask, prompter=citizen)
            stack.push_async_callback(service.close)
            await service.start()
            return await start_agent(service=service)

        yield open_it


async def connect(agent: Agent, **params: Any) -> Any:
    answer = (await agent.post("connect", {"params": params}))[1]
    return answer["error"]["code"] if "error" in answer else answer["result"]


async def test_one_window_is_enough_for_a_first_visit(open_agent: Opening) -> None:
    citizen = Citizen([says(SiteAnswer.ALWAYS)])
    agent = await open_agent(citizen, {})
    assert await connect(agent, blind=True) == {"allowed": True, "blind": True}
    assert "result" in (await agent.post("sign", BLIND_SIGN))[1]
    assert await connect(agent, blind=True) == {"allowed": True, "blind": True}
    assert citizen.asked == [AllowSite(ORIGIN, blind=True)]


async def test_who_does_not_say_so_is_asked_about_the_site_alone(open_agent: Opening) -> None:
    citizen = Citizen([says(SiteAnswer.ALWAYS)])
    agent = await open_agent(citizen, {})
    assert await connect(agent) == {"allowed": True}
    assert await connect(agent, blind=False) == {"allowed": True}
    assert citizen.asked == [AllowSite(ORIGIN)]


async def test_a_signature_asks_for_no_site_by_itself(open_agent: Opening) -> None:
    citizen = Citizen()
    agent = await open_agent(citizen, {})
    assert (await agent.post("sign", BLIND_SIGN))[1]["error"]["code"] == "origin_not_allowed"
    assert citizen.asked == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (SiteAnswer.THIS_TIME, {"allowed": True, "blind": True}),
        (SiteAnswer.NEVER, {"allowed": True, "blind": False}),
        (SiteAnswer.CANCEL, "user_cancelled"),
    ],
)
async def test_a_site_that_is_allowed_is_asked_about_the_rest(
    open_agent: Opening, answer: SiteAnswer, outcome: object
) -> None:
    citizen = Citizen([says(answer)])
    agent = await open_agent(citizen, {Scope.CARD: Permission.ALLOWED})
    assert await connect(agent, blind=True) == outcome
    assert await connect(agent) == {"allowed": True}
    assert citizen.asked == [AllowBlind(ORIGIN)]


async def test_who_was_refused_the_rest_for_good_goes_on_without(open_agent: Opening) -> None:
    citizen = Citizen([says(SiteAnswer.ALWAYS)])
    agent = await open_agent(citizen, {Scope.BLIND: Permission.BLOCKED})
    assert await connect(agent, blind=True) == {"allowed": True, "blind": False}
    assert citizen.asked == [AllowSite(ORIGIN)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(SiteAnswer.CANCEL, "user_cancelled"), (SiteAnswer.NEVER, "origin_blocked")],
)
async def test_a_no_to_both_allows_neither(
    open_agent: Opening, answer: SiteAnswer, code: str
) -> None:
    citizen = Citizen([says(answer)])
    agent = await open_agent(citizen, {})
    assert await connect(agent, blind=True) == code
    assert citizen.asked == [AllowSite(ORIGIN, blind=True)]

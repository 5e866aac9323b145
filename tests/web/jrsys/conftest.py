"""Fixtures of this door: agents with virtual cards."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from agent.cards.known_attempts import MemoryAttempts
from agent.consent.consent import Ask
from agent.consent.joining import JoiningPrompter
from agent.consent.local_user import LocalUserConsent
from agent.consent.permissions import Permission
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.jrsys.jrsys_mount import JrsysMount
from agent.web.recorder.recorder import CallRecorder
from tests.signing.attempts_support import Windows
from tests.signing.permission_support import MemoryPermissions
from tests.web.conftest import SITE, AgentFactory
from tests.web.jrsys.rig import PLAIN_SITE, JrsysRig

RigFactory = Callable[..., Awaitable[JrsysRig]]


@pytest.fixture
async def start_rig(start_agent: AgentFactory) -> AsyncIterator[RigFactory]:
    """Start agents: ``await start_rig(card, None, windows=…)``, one reader for each card.

    Keywords: ``allowed`` sites, ``windows``, ``known`` (whether the counters of the cards are),
    ``limits``, ``recorder``, and settings.
    """
    async with AsyncExitStack() as stack:

        async def start(*cards: VirtualCard | None, **options: Any) -> JrsysRig:
            windows = options.pop("windows", None) or Windows()
            known, provider = MemoryAttempts(), VirtualProvider(readers=len(cards))
            is_known = options.pop("known", True)
            for number, card in enumerate(cards):
                if card is not None:
                    provider.insert(READER_NAME.format(number), card)
                    if is_known:
                        known.write(card.data.serial, card.data.attempts_left)
            permissions = MemoryPermissions()
            for site in options.pop("allowed", (SITE, PLAIN_SITE)):
                permissions.remember(Origin.parse(site), Permission.ALLOWED)
            prompter = JoiningPrompter(windows, permissions)
            consent = LocalUserConsent(Ask(permissions, prompter, confirm_unknown=not is_known))
            service = SigningService(provider, consent, prompter=prompter, attempts=known)
            stack.push_async_callback(service.close)
            await service.start()
            limits = options.pop("limits", None)
            recorder = options.pop("recorder", None) or CallRecorder()
            mount = JrsysMount(service, Settings(**options), limits, recorder)
            agent = await start_agent(
                service=service,
                plain_mounts=(mount,),
                tls_mounts=(mount,),
                recorder=recorder,
                **options,
            )
            return JrsysRig(agent, service, provider, cards, permissions, windows)

        yield start

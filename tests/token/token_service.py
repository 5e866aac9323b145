"""The use cases before a token, for tests."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.cards.pkcs11.module_client import ModuleFile, TokenModule
from agent.cards.pkcs11.token_source import TokenSource
from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow, Ask
from agent.consent.permissions import Permission
from agent.errors import AgentError, ErrorCode
from agent.signing.model import SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.provider import VirtualProvider
from tests.signing.permission_support import MemoryPermissions
from tests.signing.prompt_support import SITE, Citizen
from tests.token.token_support import SOFTHSM

STUB_READER = "Stub reader 00 00 (Stub)"
HELLO = Document(data=b"hello", name="hello.txt")
ONE = SignatureRequest((HELLO,))


@asynccontextmanager
async def service_with(
    path: object, name: str = "Stub", citizen: Citizen | None = None, provider: Any = None
) -> AsyncIterator[SigningService]:
    source = TokenSource([TokenModule(ModuleFile(name, str(path)))])
    permissions = MemoryPermissions()
    permissions.remember(SITE, Permission.ALLOWED)
    consent = AlwaysAllow() if citizen is None else Ask(permissions, citizen)
    service = SigningService(
        provider or VirtualProvider(readers=0), consent, prompter=citizen, tokens=source
    )
    await service.start()
    try:
        yield service
    finally:
        await service.close()


def softhsm_service() -> AbstractAsyncContextManager[SigningService]:
    return service_with(SOFTHSM, "SoftHSM")


def calls(log: Path) -> str:
    """Return what the stub has been asked."""
    return log.read_text() if log.exists() else ""


async def code_of(awaitable: Any) -> tuple[ErrorCode, int | None]:
    with pytest.raises(AgentError) as caught:
        await awaitable
    return caught.value.code, caught.value.attempts_left

"""No page can have a login at another site made of bytes of its own choice, at either door."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any, Final

import pytest

from agent.cms.login import CONTENT_TYPE, RESERVED
from agent.consent.consent import AlwaysAllow
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.web.conftest import Agent, AgentFactory
from tests.web.hipki.rig import PIN, Rig, base64_text

CardFactory = Callable[..., VirtualCard]
BAD_PARAMETER: Final = 0x7600000C
_LOGIN: Final = hashlib.sha256(b'{"type":"ankong.authenticate.v1"}').digest()


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    assert len(content) < 128
    return bytes((tag, len(content))) + content


def forged_attributes() -> bytes:
    """Return the signed attributes of a login (RFC 5652 §5.3), as they are hashed."""
    content_type = bytes.fromhex("06092a864886f70d010903")
    message_digest = bytes.fromhex("06092a864886f70d010904")
    return _der(
        0x31,
        _der(0x30, content_type, _der(0x31, CONTENT_TYPE)),
        _der(0x30, message_digest, _der(0x31, _der(0x04, _LOGIN))),
    )


FORGERIES: Final = {
    "attributes": forged_attributes(),
    "alone": RESERVED,
    "indefinite": b"\x31\x80\x30\x80" + CONTENT_TYPE + b"\0\0\0\0",
    "far in": bytes(1_000_000) + RESERVED,
    "doubled": RESERVED[:-1] + RESERVED,
}
"""What a page would have signed bare, as the signed attributes of a message that it writes."""


@pytest.mark.parametrize("name", FORGERIES)
async def test_native_pages_get_no_bare_signature_over_it(
    start_agent: AgentFactory, make_card: CardFactory, name: str
) -> None:
    card = make_card()
    agent = await _agent(start_agent, card)
    data = base64.b64encode(FORGERIES[name]).decode()
    wanted: dict[str, Any] = {"data": data, "format": "pkcs1", "hash": "SHA-256", "pin": PIN}
    status, body = await agent.post("sign", {"params": wanted})
    assert (status, body["error"]["code"]) == (400, "bad_request")
    assert "login" in body["error"]["message"]
    items = [{"data": base64_text("harmless")}, {"data": data}]
    wanted = {"items": items, "format": "pkcs1", "hash": "SHA-256", "pin": PIN}
    status, body = await agent.post("sign_batch", {"params": wanted})
    assert "login" in body["error"]["message"]


@pytest.mark.parametrize("name", FORGERIES)
def test_pages_of_the_old_protocol_get_none_either(make_card: CardFactory, name: str) -> None:
    with Rig(make_card()) as rig:
        reply = rig.sign(
            tbs=base64_text(FORGERIES[name]), tbsEncoding="base64", signatureType="PKCS1"
        )
        assert reply["ret_code"] == BAD_PARAMETER


async def test_inside_a_message_of_ours_the_octets_are_harmless(
    start_agent: AgentFactory, make_card: CardFactory
) -> None:
    agent = await _agent(start_agent, make_card())
    data = base64.b64encode(forged_attributes()).decode()
    for form in ("cms", "cms-detached"):
        wanted = {"data": data, "format": form, "hash": "SHA-256", "pin": PIN}
        status, body = await agent.post("sign", {"params": wanted})
        assert status == 200, body
    almost = base64.b64encode(RESERVED[:-1] + b"\0").decode()
    wanted = {"data": almost, "format": "pkcs1", "hash": "SHA-256", "pin": PIN}
    status, body = await agent.post("sign", {"params": wanted})
    assert status == 200, body


async def _agent(start_agent: AgentFactory, card: VirtualCard) -> Agent:
    provider = VirtualProvider(readers=1)
    provider.insert(READER_NAME.format(0), card)
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    return await start_agent(service=service)

"""A page signs with a token, as it does with a card."""

import base64
import hashlib
from pathlib import Path

import pytest

from agent.cards.pkcs11.module_client import ModuleFile
from agent.cards.pkcs11.token_source import TokenSource
from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow
from agent.signing.service import SigningService
from agent.virtualcard.provider import VirtualProvider
from tests.token.token_support import PIN, SOFTHSM, hold
from tests.web.conftest import AgentFactory


@pytest.mark.skipif(not SOFTHSM, reason="no SoftHSM here")
async def test_a_page_signs_with_a_token(
    start_agent: AgentFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    (held,) = hold(tmp_path, ["p256"])
    tokens = TokenSource.of([ModuleFile("SoftHSM", SOFTHSM)])
    service = SigningService(VirtualProvider(readers=0), AlwaysAllow(), tokens=tokens)
    await service.start()
    agent = await start_agent(service=service)
    status, body = await agent.post("readers", {})
    assert status == 200, body
    (reader,) = body["result"]["readers"]
    assert (reader["state"], reader["card"]["generation"]) == ("card", "pkcs11")
    status, body = await agent.post("certificates", {"params": {"reader": reader["name"]}})
    assert base64.b64decode(body["result"]["certificates"][0]["certificate"]) == held.certificate
    data = base64.b64encode(b"hello").decode()
    wanted = {"data": data, "hash": "SHA-256", "format": "cms", "pin": PIN.decode()}
    status, body = await agent.post("sign", {"params": wanted})
    assert body["error"]["code"] == "pin_required"  # of some card, but of which?
    wanted["certificate"] = hashlib.sha256(held.certificate).hexdigest()
    status, body = await agent.post("sign", {"params": wanted})
    assert status == 200, body
    signed = base64.b64decode(body["result"]["signature"])
    assert verify(signed).certificate == held.certificate
    await service.close()

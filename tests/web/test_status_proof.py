"""The status answer proves which installation gave it, to sites that the citizen has allowed."""

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agent.host.instance.install_key import InstallKey
from tests.web.conftest import STRANGER, AgentFactory

NONCE = base64.b64encode(bytes(range(16))).decode()


@pytest.fixture
async def agent(start_agent: AgentFactory, tmp_path: Path) -> Any:
    return await start_agent(prove=InstallKey.ensure(tmp_path / "install.key").prove)


async def proof(agent: Any, nonce: str = NONCE, **options: Any) -> Any:
    status, body = await agent.post("status", {"params": {"nonce": nonce}}, **options)
    assert status == 200
    return body["result"].get("proof")


async def test_an_allowed_site_can_verify_and_pin(agent: Any) -> None:
    found = await proof(agent)
    assert found["algorithm"] == "ES256"
    signature = base64.b64decode(found["signature"])
    key = load_der_public_key(base64.b64decode(found["key"]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    text = b"ankong-status-v1" + base64.b64decode(NONCE)
    key.verify(encode_dss_signature(r, s), text, ec.ECDSA(SHA256()))
    other = await proof(agent, base64.b64encode(bytes(64)).decode())
    assert other["key"] == found["key"]


async def test_the_same_over_the_websocket(agent: Any) -> None:
    over_http = await proof(agent)
    async with agent.socket() as socket:
        await socket.send_json({"id": 1, "method": "status", "params": {"nonce": NONCE}})
        answer = await socket.receive_json()
    assert answer["result"]["proof"]["key"] == over_http["key"]


async def test_who_is_not_allowed_cannot_recognise_the_citizen(agent: Any) -> None:
    assert await proof(agent, site=STRANGER) is None
    async with agent.http.get(f"{agent.url}/v1/status?nonce={NONCE}") as response:
        assert "proof" not in await response.json()


async def test_without_a_nonce_there_is_nothing_to_prove(agent: Any) -> None:
    _, body = await agent.post("status", {})
    assert "proof" not in body["result"]


@pytest.mark.parametrize("size", [0, 15, 65])
async def test_a_nonce_is_neither_guessable_nor_a_document(agent: Any, size: int) -> None:
    nonce = base64.b64encode(bytes(size)).decode()
    status, body = await agent.post("status", {"params": {"nonce": nonce}})
    assert (status, body["error"]["code"]) == (400, "bad_request")

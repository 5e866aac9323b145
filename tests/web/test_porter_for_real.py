"""Two users, their agents and a porter without any right, on one port of a real kernel."""

import base64
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.testkit.card_files import KitIssuer
from tests.unit.host.porter_rig import until
from tests.web.porter_world import (
    FIRST,
    NOBODY,
    SECOND,
    TerminalServer,
    needs_root,
    terminal_server,
)

pytestmark = needs_root
PIN = "123456"


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("cards")
    issuer = KitIssuer(folder / "issuer")
    found = {}
    for user in (FIRST, SECOND):
        own = folder / str(user)
        own.mkdir()
        found[user] = issuer.make_card(own, name=f"USER {user}", pin=PIN).path
    return found


@pytest.fixture
def server() -> Iterator[TerminalServer]:
    with terminal_server() as found:
        yield found


def signer_of(reply: dict[str, str], text: str, folder: Path) -> str:
    """Have OpenSSL judge a signature; return whose it is."""
    message, certificate = folder / "message.der", folder / "signer.pem"
    message.write_bytes(base64.b64decode(reply["signature"]))
    done = subprocess.run(
        [
            *("openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", str(message)),
            *("-signer", str(certificate)),
        ],
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == text
    named = subprocess.run(
        ["openssl", "x509", "-in", str(certificate), "-noout", "-subject"],
        capture_output=True,
        text=True,
        check=True,
    )
    return named.stdout


def test_two_users_sign_at_once_each_with_the_own_card(
    server: TerminalServer, cards: dict[int, Path], tmp_path: Path
) -> None:
    server.porter()
    for user, card in cards.items():
        _, ready = server.agent(user, card)
        assert (ready["hipki_port"], ready["port"]) == (server.port, server.tls_port)
        assert "hipki_error" not in ready
    with ThreadPoolExecutor(2) as both:
        texts = {user: f"signed by {user}" for user in cards}
        asked = {user: both.submit(server.sign, user, texts[user], PIN) for user in cards}
    for user, text in texts.items():
        folder = tmp_path / str(user)
        folder.mkdir()
        assert f"USER {user}" in signer_of(asked[user].result(), text, folder)
    # The native API on one port: each browser meets the certificate of its own agent.
    for user in cards:
        for of_user in cards:
            authority = server.home(of_user) / "agent" / "tls" / "authority.pem"
            copy = server.folder / f"{of_user}.pem"
            copy.write_bytes(authority.read_bytes())
            status, _ = server.curl(user, "/v1/status", "--cacert", str(copy), scheme="https")
            assert status == (200 if user == of_user else 0)
    status, why = server.curl(NOBODY, "/p11Image.bmp")
    assert (status, "安控" in why) == (503, True)
    assert server.curl(NOBODY, "/v1/status", "--insecure", scheme="https")[0] == 0
    assert server.curl(0, "/p11Image.bmp")[0] == 403


def test_an_agent_that_is_killed_takes_nobody_with_it(
    server: TerminalServer, cards: dict[int, Path]
) -> None:
    server.porter()
    agents = {user: server.agent(user, card)[0] for user, card in cards.items()}
    agents[FIRST].end(signal.SIGKILL)
    assert server.curl(FIRST, "/v1/ping")[0] == 503
    assert server.curl(SECOND, "/v1/ping")[0] == 200
    server.agent(FIRST, cards[FIRST])
    assert server.curl(FIRST, "/v1/ping")[0] == 200


def test_a_stopped_agent_costs_two_seconds_and_then_an_answer(
    server: TerminalServer, cards: dict[int, Path]
) -> None:
    server.porter()
    agent, _ = server.agent(FIRST, cards[FIRST])
    agent.process.send_signal(signal.SIGSTOP)
    assert server.curl(FIRST, "/v1/ping")[0] == 503
    agent.process.send_signal(signal.SIGCONT)  # it registers again by itself
    until(lambda: server.curl(FIRST, "/v1/ping")[0] == 200)


def test_where_the_porter_goes_an_agent_takes_the_port_until_it_is_back(
    server: TerminalServer, cards: dict[int, Path]
) -> None:
    _, ready = server.agent(FIRST, cards[FIRST])  # before there is a porter
    assert ready["hipki_port"] == server.port
    assert server.curl(SECOND, "/v1/ping")[0] == 0  # turned away by the first one's agent
    _, ready = server.agent(SECOND, cards[SECOND])
    assert ready["hipki_port"] is None
    ports = sorted([server.port, server.tls_port])
    for number in (signal.SIGTERM, signal.SIGKILL):
        porter = server.porter()
        for user in cards:
            until(lambda user=user: server.record(user)["porter"] == ports)
            until(lambda user=user: server.curl(user, "/v1/ping")[0] == 200)
        porter.end(number)
        until(lambda: any(not server.record(user)["porter"] for user in cards))
        until(lambda: 200 in {server.curl(user, "/v1/ping")[0] for user in cards})

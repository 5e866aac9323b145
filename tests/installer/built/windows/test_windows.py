"""The installed agent at work: its windows ask, a card signs, and only its user is served."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from windows.build.windows_python import HERE
from windows.build.wine import windows_path

from agent.cms.verify import verify
from agent.portal.demo.programs import free_port
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from tests.conftest import TEST_PIN
from tests.documents.pdf_files import simple_pdf
from tests.installer.built.windows.conftest import Switch
from tests.installer.built.windows.machine import Machine
from tests.installer.built.windows.walk import SITE, call, install_quietly, wait_for_agent

CardFactory = Callable[..., VirtualCard]
DOCUMENT = {"data": base64.b64encode(b"hello").decode(), "hash": "SHA-256", "format": "cms"}
AWAKE = 1.5  # seconds; a window hears no keys in its first half second
ASK = """
import json, ssl, sys, urllib.request
port, authority, origin = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
body = json.dumps({"id": 1, "method": "connect", "params": {}}).encode()
headers = {"Origin": origin, "Content-Type": "application/json"}
request = urllib.request.Request(f"https://localhost:{port}/v1/connect", body, headers)
with urllib.request.urlopen(request, context=context, timeout=60) as answer:
    print(answer.read().decode())
"""


def test_it_asks_in_windows_of_its_own_and_a_card_signs(
    switch_on: Switch, wizard: Path, make_card: CardFactory, tmp_path: Path
) -> None:
    card = tmp_path / "card.json"
    cardfile.save(card, make_card("gen2").data)
    machine = switch_on("zh_TW", tray=True)
    port = free_port()
    machine.settings(port=port, hipki_port=0, check_peer=False)
    install_quietly(machine, wizard)
    program = machine.folder / "ankongw.exe"
    machine.start(program, "tray", "--virtual-card", windows_path(card))
    wait_for_agent(machine)
    with ThreadPoolExecutor(1) as elsewhere:
        connecting = elsewhere.submit(call, machine, port, "connect")
        _answer(machine, "consent", "alt+t")
        assert connecting.result()["result"] == {"allowed": True}
        facts = {**DOCUMENT, "document_name": "合約.pdf"}
        signing = elsewhere.submit(lambda: call(machine, port, "sign", **facts))
        _answer(machine, "pin", *TEST_PIN, "Return")
        answer = signing.result()
    assert verify(base64.b64decode(answer["result"]["signature"])).content == b"hello"
    machine.picture("tray-after-a-signature")
    status, printed = machine.ankong("history", "--json")
    assert status == 0
    assert SITE in printed
    assert TEST_PIN not in (machine.state / "logs" / "ankong.log").read_text("utf-8")
    assert machine.ankong("quit")[0] == 0
    unsigned = tmp_path / "contract.pdf"
    unsigned.write_bytes(simple_pdf("Contract"))
    status, printed = machine.ankong("verify", windows_path(unsigned), "--json")
    assert (status, json.loads(printed)["verdict"]) == (3, "unsigned")  # by the worker


def _answer(machine: Machine, name: str, *keys: str) -> None:
    """Wait for the agent's window, keep a picture of it, and press keys in it."""

    def is_open() -> bool:
        return any(kind == "TkTopLevel" for kind, _ in machine.hands.windows())

    machine.wait(is_open, f"the window {name}")
    time.sleep(AWAKE)
    machine.picture(f"window-{name}")
    env = {**os.environ, "DISPLAY": machine.display}
    subprocess.run(["xdotool", "key", "--delay", "60", *keys], env=env, check=True, timeout=60)
    machine.wait(lambda: not is_open(), f"the end of the window {name}")


def test_a_program_of_the_same_user_is_served_and_no_other(
    switch_on: Switch, wizard: Path, tmp_path: Path
) -> None:
    machine = switch_on("en_US")
    port = free_port()
    machine.settings(port=port, hipki_port=0, consent="allow")
    install_quietly(machine, wizard)
    machine.start(machine.folder / "ankongw.exe", "tray")
    wait_for_agent(machine)
    # Windows, as far as Wine is one, knows no process at the other end of this connection.
    with pytest.raises(OSError):  # noqa: PT011  # hung up on, however the handshake notices
        call(machine, port, "connect")
    script = tmp_path / "ask.py"
    script.write_text(ASK)
    authority = windows_path(machine.state / "tls" / "authority.pem")
    status, printed = machine.run(
        HERE / "python.exe", windows_path(script), str(port), authority, SITE
    )
    assert (status, json.loads(printed)["result"]) == (0, {"allowed": True})

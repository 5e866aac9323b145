"""The citizen's way through the wizard, and what a page of theirs then gets from the agent."""

import http.client
import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any

from tests.installer.built.windows.machine import PATIENCE, Machine, Page
from tests.installer.built.windows.words import Words

SITE = "https://portal.example"


def pretend_older(machine: Machine) -> None:
    """Let the wizard find an older version, which it updates."""
    machine.run("reg", "add", r"HKCU\Software\Ankong", "/v", "Version", "/d", "0.0.1", "/f")


def to_plan(machine: Machine, words: Words, *, updates: bool = False) -> Page:
    """Go from the first page to the one that says what will be added."""
    machine.hands.see(words.again if updates else words.welcome).press(words.next)
    licence = machine.hands.see(words.licence_text)
    licence.press(words.accept)
    licence.press(words.next)
    return machine.hands.see(words.plan[0])


def to_finish(machine: Machine, words: Words, *, updates: bool = False) -> Page:
    """Go from the first page to the last."""
    to_plan(machine, words, updates=updates).press(words.install)
    return machine.hands.see(words.finished)


def repair(machine: Machine, words: Words) -> Page:
    """Go from the first page of what is installed already to the last."""
    machine.hands.see(words.again).press(words.next)
    return machine.hands.see(words.repaired)


def install_quietly(machine: Machine, wizard: Path, *switches: str) -> None:
    """Install as an administrator's script does."""
    status, printed = machine.run(wizard, "/S", *switches)
    assert status == 0, printed
    assert (machine.folder / "ankong.exe").exists()


def wait_for_agent(machine: Machine, after: int | None = None) -> dict[str, Any]:
    """Wait until another agent than the one with process id ``after`` answers; its own words."""
    told: dict[str, Any] = {}

    def is_there() -> bool:
        try:
            told.update(json.loads((machine.state / "instance.json").read_text("utf-8")))
        except (OSError, ValueError):
            return False
        return told.get("port") is not None and told["pid"] != after

    machine.wait(is_there, "an agent")
    return told


def trusted(machine: Machine) -> ssl.SSLContext:
    """Trust what a browser would: the authority that this installation made, and no other."""
    context = ssl.create_default_context()
    context.load_verify_locations(machine.state / "tls" / "authority.pem")
    return context


def ask(machine: Machine, port: int, path: str = "/v1/status") -> dict[str, Any]:
    """Ask the agent over HTTPS, with its certificate judged."""
    url = f"https://localhost:{port}{path}"
    with urllib.request.urlopen(url, timeout=PATIENCE, context=trusted(machine)) as answer:  # ours
        found: dict[str, Any] = json.load(answer)
    return found


def call(machine: Machine, port: int, method: str, **params: Any) -> dict[str, Any]:
    """Send a request of the native API as a page of SITE does."""
    connection = http.client.HTTPSConnection(
        "localhost", port, timeout=PATIENCE, context=trusted(machine)
    )
    body = json.dumps({"id": 1, "method": method, "params": params})
    headers = {"Origin": SITE, "Content-Type": "application/json"}
    try:
        connection.request("POST", f"/v1/{method}", body, headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


def ask_plainly(port: int, path: str) -> tuple[int, bytes]:
    """Ask the older protocol's port."""
    connection = http.client.HTTPConnection("localhost", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()

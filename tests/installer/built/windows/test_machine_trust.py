"""An administrator has all users of a Windows trust the agent, and takes it back."""

import json
import re
import ssl
import urllib.request
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1

from agent.portal.demo.programs import free_port
from tests.installer.built.windows.conftest import Switch
from tests.installer.built.windows.machine import PATIENCE, Machine
from tests.installer.built.windows.walk import install_quietly, wait_for_agent

ROOTS = r"HKLM\Software\Microsoft\SystemCertificates\Root\Certificates"


def _roots(machine: Machine) -> set[str]:
    """Return the authorities that all users trust, by their SHA-1."""
    _, printed = machine.run("reg", "query", ROOTS)  # not there before anybody has looked
    return set(re.findall(r"[0-9A-F]{40}", printed))


def _codes(machine: Machine, *words: str) -> list[str]:
    status, printed = machine.ankong("setup", "machine", "--json", *words)
    told = json.loads(printed)
    assert (status, told["ok"]) == (0, True), printed
    return [each["code"] for each in told["steps"]]


def _served(port: int, authority: Path) -> str:
    context = ssl.create_default_context(cafile=str(authority))
    url = f"https://localhost:{port}/v1/status"
    with urllib.request.urlopen(url, timeout=PATIENCE, context=context) as answer:  # ours
        found: str = json.load(answer)["product"]
    return found


def test_all_users_trust_what_the_computer_made_and_undoing_leaves_nothing(
    switch_on: Switch, wizard: Path
) -> None:
    machine = switch_on("en_US")
    port = free_port()
    machine.settings(port=port, hipki_port=0, check_peer=False)
    install_quietly(machine, wizard)
    shared = machine.prefix.drive / "ProgramData" / "Ankong"
    assert _codes(machine) == ["machine_made", "machine_trusted"]
    made = (shared / "tls" / "authority.pem").read_bytes()
    assert _codes(machine) == ["machine_kept", "machine_trusted"]
    assert (shared / "tls" / "authority.pem").read_bytes() == made
    ours = x509.load_pem_x509_certificate(made).fingerprint(SHA1()).hex().upper()  # noqa: S303  # a name, no protection
    assert ours in _roots(machine)
    machine.start(machine.folder / "ankongw.exe", "tray")
    wait_for_agent(machine)
    assert _served(port, shared / "tls" / "authority.pem") == "ankong"
    assert machine.ankong("trust", "check")[0] == 0  # though the user never said yes
    _, printed = machine.ankong("policy", "show", "--json")
    assert json.loads(printed)["settings"]["page_pin"]["source"] == "shared"
    assert machine.ankong("quit")[0] == 0
    assert _codes(machine, "--undo") == ["machine_undone"]
    assert (ours in _roots(machine), shared.exists()) == (False, False)
    assert _codes(machine, "--undo") == ["machine_none"]

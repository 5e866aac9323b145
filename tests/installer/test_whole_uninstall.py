"""Set up, used once, undone, on a fresh home folder: what every uninstaller relies on.

The same for each kind of package is in ``built/``; here it is the program's own part of it.
"""

import base64
import json
import os
import shutil
import ssl
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.virtualcard import cardfile
from tests.conftest import TEST_PIN, CardFactory

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at a Linux home folder")


class Citizen:
    """Somebody who uses this computer for the first time."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        moved = ("XDG_", "DBUS_", "DISPLAY", "WAYLAND_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(moved)}
        self.environment: Mapping[str, str] = {**kept, "HOME": str(self.home)}

    def ankong(self, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "tray", *arguments, "--json"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            check=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    @contextmanager
    def agent(self, card: Path) -> Iterator[dict[str, Any]]:
        """Run the agent as it runs after a sign-in; give its ready line."""
        command = [sys.executable, "-m", "tray", "tray", "--virtual-card", str(card)]
        command += ["--port", "0", "--hipki-port", "0", "--consent", "allow"]
        with subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline())
                assert process.wait(60) == 0  # whoever asked it to end
            finally:
                process.kill()

    def sign(self, port: int) -> bytes:
        """Ask for a signature as a page does."""
        authority = self.home / ".local" / "state" / "ankong" / "tls" / "authority.pem"
        wanted = {"params": {"data": "aGVsbG8=", "hash": "SHA-256", "format": "cms"}}
        wanted["params"]["pin"] = TEST_PIN
        request = urllib.request.Request(
            f"https://localhost:{port}/v1/sign",
            data=json.dumps(wanted).encode(),
            headers={"Origin": "https://bank.example", "Content-Type": "application/json"},
        )
        context = ssl.create_default_context(cafile=str(authority))
        with urllib.request.urlopen(  # noqa: S310  # our own address
            request, context=context, timeout=60
        ) as response:
            return base64.b64decode(json.load(response)["result"]["signature"])

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """Return everything below the home folder: kind and permissions, and what is in files."""
        found = {}
        for path in self.home.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            name = str(path.relative_to(self.home))
            found[name] = (stat.S_IFMT(path.lstat().st_mode) | path.lstat().st_mode, content)
        return found


@pytest.fixture
def citizen(tmp_path: Path) -> Citizen:
    return Citizen(tmp_path)


@pytest.fixture
def card(tmp_path: Path, make_card: CardFactory) -> Path:
    path = tmp_path / "my.card"
    cardfile.save(path, make_card("gen2").data)
    return path


def has_browser(citizen: Citizen) -> bytes:
    """Return the home a browser's trust store; say what it trusts."""
    folder = citizen.home / ".pki" / "nssdb"
    tool = shutil.which("certutil")
    if tool is None:
        pytest.skip("needs libnss3-tools")
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run([tool, "-N", "-d", f"sql:{folder}", "--empty-password"], check=True)
    return subprocess.run([tool, "-L", "-d", f"sql:{folder}"], stdout=-1, check=True).stdout


def test_set_up_used_once_and_undone_the_home_is_as_it_was(citizen: Citizen, card: Path) -> None:
    (citizen.home / "Documents").mkdir()
    (citizen.home / "Documents" / "letter.txt").write_text("dear")
    before = citizen.tree()
    assert citizen.ankong("setup", "complete")["ok"] is True
    with citizen.agent(card) as ready:
        assert b"bank" not in citizen.sign(ready["port"])
        assert len(citizen.tree()) > len(before) + 10
        steps = citizen.ankong("setup", "undo", "--forget")["steps"]
    assert next(step["code"] for step in steps) == "agent_ended"
    assert citizen.tree() == before


def test_history_and_sites_stay_where_they_are_wanted(citizen: Citizen, card: Path) -> None:
    citizen.ankong("setup", "complete")
    with citizen.agent(card) as ready:
        citizen.sign(ready["port"])
        assert citizen.ankong("setup", "undo")["ok"] is True
    files = [path.name for path in citizen.home.rglob("*") if path.is_file()]
    assert sorted(files) == ["history.key", "history.sqlite", "history.witness"]
    lines = citizen.ankong("history")["lines"]
    assert [line["outcome"] for line in lines] == ["done"]


def test_a_browser_that_trusted_it_trusts_it_no_more(citizen: Citizen) -> None:
    before = has_browser(citizen)
    citizen.ankong("setup", "complete")
    assert has_browser(citizen) != before
    citizen.ankong("setup", "undo", "--forget")
    assert has_browser(citizen) == before
    assert [path.name for path in citizen.home.iterdir()] == [".pki"]

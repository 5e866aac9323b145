"""Every example of the help works as it stands, and no command minds who stops reading."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import COMMANDS, EXIT_UNREAD, Command, parser_of
from agent.commands.examples import examples_of
from agent.commands.porter import PorterOptions
from agent.commands.tongue import CHOOSING
from agent.host.settings.config import HIPKI_PORT, NATIVE_PORTS
from agent.virtualcard import cardfile
from agent.virtualcard.new_cards import new_scenario
from agent.virtualcard.scenarios import PIN
from tests.documents.pdf_files import simple_pdf
from tests.unit.host.conftest import new_database
from tests.unit.test_help import everywhere

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("certutil") is None,
    reason="needs a POSIX shell and libnss3-tools",
)
ALL = (*COMMANDS, Command("tray", "tray.command"))
LINES = sorted(
    {
        example.line
        for each in everywhere(parser_of(ALL))
        for example in examples_of(each.path)
        if each.path != "setup machine"  # which is about this whole computer
    }
)
WITH_CARD = ("certificates", "sign", "doctor")
"""Commands that look for a real reader, of which this computer need have none."""
ENDINGS = {
    "doctor": {0, 1},  # of a computer with faults
    "trust check": {0, 1},
    "card insert": {1},  # nothing listens there
    "status": {3},
    "extend": {1},  # no service for timestamps is set
    "panel": {1},  # no agent runs
    "handbook": {1},  # likewise
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file that an example names."""
    folder = tmp_path_factory.mktemp("files")
    new_scenario(folder / "card.json", folder / "issuer", "gen2")
    assert cardfile.load(folder / "card.json")
    (folder / "letter.pdf").write_bytes(b"%PDF-1.7\n")
    for name in ("contract.pdf", "annex.pdf"):
        (folder / name).write_bytes(simple_pdf())
    (folder / "signed").mkdir()
    (folder / "film.mp4").write_bytes(bytes(1000))
    (folder / "pin.txt").write_text(PIN)
    (folder / "sites.txt").write_text("https://portal.example\n")
    (folder / "policies.json").write_text('{"policies": {}}')
    (folder / "policy.toml").write_text("page_pin = false\n")
    (folder / "net-log.json").write_text('{"log": {"entries": []}}')
    for name in ("root.cer", "ca.cer", "root.crl", "ca.crl"):
        shutil.copy(folder / "issuer" / name, folder)
    return folder


@pytest.fixture
def home(tmp_path: Path, files: Path) -> Path:
    """A user's folder with a copy of the files, which is the working folder."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    new_database(tmp_path / ".pki" / "nssdb")
    return tmp_path


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        kept.pop(name, None)
    nowhere = {"PCSCLITE_CSOCK_NAME": str(home / "pcscd.comm"), CHOOSING: "en"}
    root = str(Path(__file__).parents[3])
    return {**kept, **nowhere, "HOME": str(home), "PYTHONPATH": root, "PYTHON": sys.executable}


def shell(home: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a shell does in which ``ankong`` is this program."""
    program = 'ankong() { "$PYTHON" -m tray "$@"; }\n'
    return subprocess.run(
        ["/bin/sh", "-c", program + line],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=100,
    )


def with_card(line: str) -> str:
    """Give a command that looks for readers the card, and one that asks for a PIN the PIN."""
    words = line.split()
    if words[0] in WITH_CARD:
        line = line.replace(words[0], f"{words[0]} --virtual-card card.json", 1)
    if words[0] == "sign" and "<" not in words:
        line += " < pin.txt"
    return line


@pytest.fixture
def prepared(home: Path) -> Path:
    """The folder, in which documents are signed already; examples of signing begin anew."""
    for line in (
        "sign letter.pdf --out letter.p7m",
        "sign film.mp4 --format cms-detached --out film.p7s",
        "sign contract.pdf",
    ):
        done = shell(home, f"ankong {with_card(line)}")
        assert done.returncode == 0, done.stderr
    return home


# The porter would hold the ports of this computer: tests/web/test_porter_for_real.py runs it.
ONCE = [line for line in LINES if line.split()[0] not in {"serve", "tray", "verify", "porter"}]


@pytest.mark.parametrize("line", ONCE)
def test_each_example_works(home: Path, line: str) -> None:
    if line.startswith("card ") and "--out card.json" in line:
        (home / "card.json").unlink()
    done = shell(home, f"ankong {with_card(line)}")
    ending = next((each for name, each in ENDINGS.items() if line.startswith(name)), {0})
    assert done.returncode in ending, done.stderr
    assert "Traceback" not in done.stderr
    assert "usage:" not in done.stderr
    written = [
        word
        for before, word in zip(line.split(), line.split()[1:], strict=False)
        if before in {"--out", ">", "--bundle"}
    ]
    assert all((home / name).stat().st_size for name in written)


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("verify ")])
def test_what_the_examples_signed_is_verified(prepared: Path, line: str) -> None:
    done = shell(prepared, f"ankong {line}")
    assert done.returncode == (0 if "--anchors" in line else 3), done.stderr + done.stdout


@pytest.fixture
def serving(home: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Run an example of ``serve``, on free ports, until the test ends."""
    line = getattr(request, "param", "serve --virtual-card card.json")
    free = "" if "--port" in line else " --port 0 --hipki-port 0"
    command = f'exec "$PYTHON" -m tray {line}{free} --provider virtual'
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"] is True
        yield home
        process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize(
    "serving", [line for line in LINES if line.startswith("serve")], indirect=True
)
def test_each_example_of_serve_serves(serving: Path) -> None:
    assert shell(serving, "ankong status").returncode == 0
    assert shell(serving, "ankong quit").returncode == 0


def test_the_examples_that_need_a_running_agent_work_beside_one(serving: Path) -> None:
    for line in ("status", "status --json", "panel", "panel --print", "handbook", "tray --panel"):
        assert line in LINES
        done = shell(serving, f"ankong {line}")
        assert done.returncode == 0, done.stderr


READ = (
    "--help",
    "--version",
    "sign --help",
    "card",
    "certificates",
    "status",
    "doctor",
    "history",
    "sites",
    "policy show",
    "policy show --json",
    "card scenarios",
    "trust check",
    "quit",
)


@pytest.mark.parametrize("line", READ)
def test_no_command_minds_who_stops_reading(home: Path, line: str) -> None:
    """As ``ankong doctor | head -1`` does, and one that reads nothing at all."""
    done = shell(home, f"exec 3>&1; (ankong {with_card(line)}; echo $? >&3) | exec /bin/true")
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert int(done.stdout) in {0, 1, 2, 3, EXIT_UNREAD}


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("porter")])
def test_each_example_of_the_porter_names_the_usual_ports(line: str) -> None:
    parsed = parser_of(ALL).parse_args(line.split())
    options = PorterOptions(ports=parsed.ports, tls_ports=parsed.tls_ports)
    assert (options.plain, options.tls) == ((HIPKI_PORT,), NATIVE_PORTS[:1])

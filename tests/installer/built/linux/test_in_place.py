"""The program as the package has it, run where nothing of the checkout can be imported."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import __version__
from tests.documents.pdf_files import simple_pdf
from tests.documents.pdf_judges import openssl_accepts, signed_parts
from tests.installer.built.linux.conftest import (
    ROOT,
    SECONDS,
    environment,
    need,
    tree,
    wait_for_status,
)
from tests.signing.prompt_support import PIN
from tests.tray.conftest import session_bus
from tests.tray.prompt.desktop import Desktop, Window
from tests.tray.test_desktop import CHANNEL
from tests.tray.test_desktop import Desktop as PanelDesktop
from tray.icon.drawing import _BRAND, _GREEN

pytestmark = [pytest.mark.artefact, pytest.mark.timeout(300)]
PIN_TEXT = "246813"


@pytest.fixture
def program(unpacked: Path) -> Path:
    return unpacked / "usr/lib/ankong/ankong"


def call(program: Path, home: Path, *words: str | Path, **more: str) -> str:
    done = subprocess.run(
        [program, *words],
        cwd="/",
        env=environment(home),
        input=more.get("typed", ""),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def card(program: Path, home: Path) -> Path:
    path = home / "my.card"
    call(program, home, "card", "new", "--name", "王測試", "--pin", PIN_TEXT, "--out", path)
    return path


@pytest.fixture
def agent(program: Path, home: Path, card: Path) -> Iterator[dict[str, Any]]:
    """Run it with a virtual card; give what it says when it is ready."""
    words = ["serve", "--virtual-card", card, "--consent", "allow"]
    with subprocess.Popen(
        [program, *words], cwd="/", env=environment(home), stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout is not None
            yield json.loads(running.stdout.readline())
            running.send_signal(signal.SIGTERM)
            assert running.wait(SECONDS) == 0
        finally:
            running.kill()


def test_it_says_its_version(program: Path, home: Path) -> None:
    assert call(program, home, "--version") == f"ankong {__version__}\n"


def test_the_doctor_examines_it(program: Path, home: Path) -> None:
    done = subprocess.run(
        [program, "doctor", "--json"], env=environment(home), capture_output=True, check=False
    )
    report = json.loads(done.stdout)
    versions = [each["facts"] for each in report["findings"] if each["check"] == "version"]
    assert {"name": "ankong", "version": __version__} in versions


def test_it_serves_a_virtual_card_and_answers_strangers(agent: dict[str, Any], home: Path) -> None:
    assert agent["provider"] == "virtual"
    assert wait_for_status(home)["product"] == "ankong"


def test_it_signs_and_openssl_agrees(program: Path, home: Path, card: Path) -> None:
    need("openssl")
    letter, signed = home / "letter.txt", home / "letter.p7m"
    letter.write_text("甲方同意。\n")
    words = ("sign", letter, "--virtual-card", card, "--out", signed, "--pin-stdin")
    call(program, home, *words, typed=f"{PIN_TEXT}\n")
    issuer = home / ".local/state/ankong/issuer"
    chain = b""
    for name in ("root.cer", "ca.cer"):
        command = ["openssl", "x509", "-inform", "DER", "-in", issuer / name]
        chain += subprocess.run(command, capture_output=True, check=True).stdout
    (home / "chain.pem").write_bytes(chain)
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", signed]
    done = subprocess.run(
        [*command, "-CAfile", home / "chain.pem"], capture_output=True, check=True
    )
    assert done.stdout.decode().replace("\r\n", "\n") == "甲方同意。\n"
    own = (("--anchors", "root.cer"), ("--intermediates", "ca.cer"))
    authorities = [word for option, name in own for word in (option, issuer / name)]
    lists = [word for name in ("root.crl", "ca.crl") for word in ("--crl", issuer / name)]
    assert call(program, home, "verify", signed, *authorities, *lists).startswith("proven: ")


def test_it_signs_a_pdf_within_itself(program: Path, home: Path, card: Path) -> None:
    """The worker is the program itself, started once more."""
    contract = home / "合約.pdf"
    contract.write_bytes(simple_pdf("Contract"))
    words = ("sign", contract, "--virtual-card", card, "--pin-stdin", "--json")
    told = json.loads(call(program, home, *words, typed=f"{PIN_TEXT}\n"))
    signed = Path(told["out"]).read_bytes()
    assert signed.startswith(contract.read_bytes())
    ((content, cms),) = signed_parts(signed)
    assert openssl_accepts(content, cms, home)


def test_a_window_of_it_asks_for_the_pin(program: Path, display: str) -> None:
    desktop = Desktop(display)
    window = Window(desktop, PIN, [str(program), "--prompt"])
    with window.process:
        try:
            desktop.see()
            time.sleep(0.6)  # until it hears keys
            desktop.press(*PIN_TEXT)
            desktop.picture("linux-frozen-pin")
            desktop.press("Return")
            assert window.answer() == f"pin:{PIN_TEXT}".encode()
        finally:
            window.process.kill()


@pytest.fixture
def panel(
    display: str, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PanelDesktop]:
    """Run a desktop's panel, which is where icons are."""
    need("xfce4-panel", "dbus-daemon")
    channels = home / ".config/xfce4/xfconf/xfce-perchannel-xml"
    channels.mkdir(parents=True)
    (channels / "xfce4-panel.xml").write_text(CHANNEL)
    short = tmp_path_factory.mktemp("b")
    run = short / "run"
    run.mkdir(mode=0o700)
    more = {"DISPLAY": display, "XDG_RUNTIME_DIR": str(run), "NO_AT_BRIDGE": "1"}
    found = environment(home, **more)
    with session_bus(short, found, services=True) as bus:
        found["DBUS_SESSION_BUS_ADDRESS"] = bus.address
        with subprocess.Popen(
            ["xfce4-panel", "--disable-wm-check"],
            env=found,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                yield PanelDesktop(found)
            finally:
                process.terminate()


def test_its_icon_is_in_the_panel_and_its_page_opens_with_the_systems_own_libraries(
    program: Path, home: Path, card: Path, panel: PanelDesktop
) -> None:
    browser, told = home / "browser", home / "told"
    browser.write_text(
        f'#!/bin/sh\nenv > "{told}.new"\necho "URL=$1" >> "{told}.new"\nmv "{told}.new" "{told}"\n'
    )
    browser.chmod(0o755)
    words = ["tray", "--panel", "--virtual-card", card]
    found = {**panel.environment, "BROWSER": str(browser)}
    with subprocess.Popen([program, *words], env=found, stdout=subprocess.DEVNULL) as running:
        try:
            panel.see(_BRAND)
            panel.see(_GREEN, least=10)
            panel.keep("linux-frozen-tray")
            end = time.monotonic() + SECONDS
            while not told.exists():
                assert time.monotonic() < end, "no browser was started"
                time.sleep(0.1)
            assert call(program, home, "quit") == "the agent has ended\n"
            assert running.wait(SECONDS) == 0
        finally:
            running.kill()
    environment_of_it = dict(line.split("=", 1) for line in told.read_text().splitlines())
    assert re.match(r"http://127\.0\.0\.1:\d+/first#page=state&claim=", environment_of_it["URL"])
    assert "LD_LIBRARY_PATH" not in environment_of_it


def test_only_what_the_bill_names_is_inside(unpacked: Path) -> None:
    inside = unpacked / "usr/lib/ankong/_internal"
    bill = json.loads((inside / "sbom.cdx.json").read_text())
    names = {part["name"] for part in bill["components"]}
    assert {"aiohttp", "cryptography", "dbus-fast", "pyinstaller", "pyscard", "python"} <= names
    assert not names & {"pytest", "hypothesis", "mypy", "playwright", "pillow", "pystray", "nfpm"}
    texts = {path.stem for path in (inside / "licences").glob("*.txt")}
    assert texts == names | {"ankong"}
    assert all(path.stat().st_size > 100 for path in (inside / "licences").iterdir())


def test_the_portal_and_the_developers_tools_are_not_inside(program: Path) -> None:
    viewer = ROOT / "build/freezer/bin/pyi-archive_viewer"
    command = [viewer, "--list", "--recursive", "--brief", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    modules = set(re.findall(r"[\w.]+", done.stdout))
    assert {
        "agent.cli",
        "tray.command",
        "agent.virtualcard.card_file_provider",
        "wizard.main",
    } <= modules
    forbidden = r"(agent\.portal|tests|pytest|devkit|pip|setuptools|pystray|PIL)(\..*)?"
    assert not [name for name in modules if re.fullmatch(forbidden, name)]


def test_the_pages_are_all_inside(unpacked: Path) -> None:
    inside = tree(unpacked / "usr/lib/ankong/_internal/agent")
    for folder in ("web/hipki/pages", "web/panel/static", "web/panel/first"):
        wanted = {
            f"{folder}/{name}": content
            for name, content in tree(ROOT / "agent" / folder).items()
            if content is not None
        }
        assert wanted
        assert {name: inside.get(name) for name in wanted} == wanted


def test_a_second_start_finds_the_first(agent: dict[str, Any], program: Path, home: Path) -> None:
    assert agent["ready"] is True
    said = json.loads(call(program, home, "tray"))
    assert said["running"] is True

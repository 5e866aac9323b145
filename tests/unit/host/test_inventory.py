"""``ankong inventory``: every part stands by itself, names nobody, and has the committed form."""

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from agent import __version__
from agent.commands.inventory import inventory
from agent.commands.parser import JsonOptions
from agent.doctor import inventory_facts
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.inventory_facts import gather
from agent.errors import ServiceUnavailableError
from agent.host import product
from agent.host.instance.running import Instance
from agent.host.inventory_report import SCHEMA_FILE, Inventory, ProductFacts, render_schema
from agent.host.machine.desktop_session import session_of
from agent.host.machine.paths import Paths
from agent.host.machine.reader_drivers import WINDOWS_CLASS, driver_of, installed_drivers
from agent.host.settings import policy as policy_module
from agent.host.settings.policy import Policy
from agent.host.tls import identity
from agent.transport.base import CardProvider, ReaderState
from agent.virtualcard import cardfile
from agent.virtualcard.provider import VirtualProvider
from agent.words import Language, load
from tests.conftest import TEST_ID_NUMBER, TEST_NAME, CardFactory
from tests.unit.host.conftest import MachineFactory

PERSON = "wang-damin"
READER = f"ACME Reader 1234 [CCID] (SN{'0' * 12}) 00 00"
PLIST = """<?xml version="1.0"?><plist version="1.0"><dict>
<key>CFBundleShortVersionString</key><string>1.5.2</string>
<key>ifdFriendlyName</key><array><string>Other</string><string>ACME Reader</string></array>
</dict></plist>"""


class OneReader(VirtualProvider):
    """A service with one reader, that opens no card for anybody."""

    def readers(self) -> tuple[ReaderState, ...]:
        return (ReaderState(READER, present=True, atr=b"\x3b\x00", insertion=1, mute=False),)

    def open(self, reader: str) -> NoReturn:
        raise AssertionError(f"a card in {reader} was opened")


def no_service() -> CardProvider:
    raise ServiceUnavailableError("none")


@pytest.fixture
def installation(
    tmp_path: Path, make_machine: MachineFactory, monkeypatch: pytest.MonkeyPatch
) -> InstalledAgent:
    monkeypatch.setattr(policy_module, "system_path", lambda: tmp_path / "no-policy.toml")
    paths = Paths(tmp_path / "home" / PERSON / "state")
    paths.prepare()
    paths.config.write_text("port = 1\nhipki_port = 2\n")  # nobody listens there
    return InstalledAgent(paths=paths, machine=make_machine(home=paths.state.parent))


def told(installation: InstalledAgent, **more: Any) -> dict[str, Any]:
    found = gather(installation, **{"open_provider": OneReader, **more})
    answer = json.loads(msgspec.json.encode(found))
    assert isinstance(answer, dict)
    msgspec.convert(answer, Inventory)
    assert PERSON not in json.dumps(answer)
    return answer


def test_the_committed_schema_is_generated_from_the_types() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == render_schema(), "python installer/dev.py docs"


def test_the_quick_part_is_the_first_part_and_loads_little() -> None:
    script = "import sys; from agent.cli import run; run(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, "--version", "--json"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    answer, loaded = done.stdout.splitlines()
    facts = msgspec.json.decode(answer, type=ProductFacts)
    assert (facts.product, facts.version, facts.scope) == ("ankong", __version__, "source")
    assert tuple(json.loads(answer)) == ProductFacts.__struct_fields__
    assert Inventory.__struct_fields__[: len(ProductFacts.__struct_fields__)] == tuple(
        json.loads(answer)
    )
    heavy = {"msgspec", "structlog", "asyncio", "cryptography", "agent.transport", "smartcard"}
    assert not heavy & set(loaded.split())


def test_nothing_runs_and_nothing_is_there(installation: InstalledAgent) -> None:
    answer = told(installation, open_provider=no_service, drivers=tuple)
    assert answer["policy"] == {"source": None, "sha256": None, "problem": None}
    assert answer["trust"] == {"mode": None, "ends": None, "left": False, "problem": None}
    assert answer["agent"]["running"] is False
    assert answer["smart_cards"]["problem"] == "pcsc_unavailable"
    assert {(row["port"], row["state"]) for row in answer["ports"]["ports"]} == {
        (1, "free"),
        (2, "free"),
    }


def test_a_reader_is_told_with_its_driver_and_without_its_number(
    installation: InstalledAgent, tmp_path: Path
) -> None:
    root = tmp_path / "system"
    bundle = root / "usr/lib/pcsc/drivers/acme.bundle/Contents"
    bundle.mkdir(parents=True)
    (bundle / "Info.plist").write_text(PLIST)
    broken = root / "usr/lib/pcsc/drivers/broken.bundle/Contents"
    broken.mkdir(parents=True)
    (broken / "Info.plist").write_text("<plist>")
    answer = told(installation, drivers=lambda: installed_drivers(root))
    assert answer["smart_cards"]["service"] is True
    assert answer["smart_cards"]["drivers"] == [{"name": "acme", "version": "1.5.2"}]
    assert answer["smart_cards"]["readers"] == [
        {"name": "ACME Reader 00 00", "driver": "acme", "driver_version": "1.5.2"}
    ]


def test_windows_names_its_drivers_in_the_registry() -> None:
    class Registry:
        HKEY_LOCAL_MACHINE = "HKLM"

        def OpenKey(self, root: str, key: str) -> Any:  # noqa: N802  # winreg's own name
            assert (root, key[: len(WINDOWS_CLASS)]) == ("HKLM", WINDOWS_CLASS)
            if not key.endswith(("0001", "0003")):
                raise OSError(2, "no such key")
            return nullcontext()

        def QueryValueEx(self, _key: Any, name: str) -> tuple[str, int]:  # noqa: N802  # likewise
            return ("ACME CCID", 1) if name == "DriverDesc" else ("10.0.1", 1)

    (driver,) = installed_drivers(registry=Registry())
    assert (driver.name, driver.version) == ("ACME CCID", "10.0.1")
    assert driver_of("ACME CCID 0", (driver,)) is None  # it does not say whom it serves


def test_a_broken_policy_is_a_field_and_tells_no_site(
    installation: InstalledAgent, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('allowed = ["https://secret-site.example", "::"]')
    policy = Policy.load(file, administrators_only=False)
    answer = told(replace(installation, policy=policy))
    assert answer["policy"]["problem"] == "policy_unusable"
    assert answer["policy"]["sha256"] == policy.fingerprint
    assert "secret-site" not in json.dumps(answer)


def test_a_planted_policy_is_told_without_whose_it_is(installation: InstalledAgent) -> None:
    policy = Policy()
    policy.planted = f"/etc/ankong: its owner {PERSON} is no administrator"
    assert told(replace(installation, policy=policy))["policy"]["problem"] == "policy_ignored"


def test_broken_settings_leave_the_other_parts_alone(installation: InstalledAgent) -> None:
    installation.paths.config.write_text("port = 'no'")
    answer = told(installation)
    assert answer["ports"]["problem"] == answer["update"]["problem"] == "settings_unusable"
    assert answer["smart_cards"]["service"] is True


def test_an_agent_that_does_not_answer_is_a_problem_and_no_failure(
    installation: InstalledAgent,
) -> None:
    identity.ensure(installation.paths.tls)
    with Instance(installation.paths, installation.policy.fingerprint) as instance:
        assert told(installation)["agent"]["problem"] == "agent_starting"
        instance.announce(port=1, hipki_port=2, provider="virtual", missing=(3,))
        answer = told(installation)
        installation.paths.instance.write_text("no record")
        assert told(installation)["agent"]["problem"] == "agent_unknown"
    assert answer["agent"]["running"] is True
    assert answer["agent"]["answers"] is False
    assert answer["agent"]["problem"] == "agent_silent"
    assert {(row["port"], row["use"], row["state"]) for row in answer["ports"]["ports"]} == {
        (1, "https", "held"),
        (2, "http", "held"),
    }
    assert (answer["trust"]["mode"], answer["trust"]["problem"]) == ("user", None)


def test_a_part_that_fails_takes_no_other_along(
    installation: InstalledAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: InstalledAgent) -> NoReturn:
        raise LookupError(PERSON)

    monkeypatch.setattr(inventory_facts, "check_browsers", fail)
    answer = told(installation)
    assert answer["browsers"] == {"findings": [], "problem": "failed"}
    assert answer["smart_cards"]["service"] is True


@pytest.mark.parametrize("language", Language)
def test_people_read_it_in_their_language(
    installation: InstalledAgent,
    language: Language,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANKONG_LANGUAGE", str(language))
    monkeypatch.setenv("COLUMNS", "100")
    assert inventory(JsonOptions(state_dir=installation.paths.state)) == 0
    shown = capsys.readouterr().out
    assert str(load(language)["cli.inventory.not_running"]) in shown
    assert PERSON not in shown


def test_every_problem_has_words() -> None:
    for problem in inventory_facts.InventoryProblem:
        assert f"cli.inventory.problems.{problem}" in load(Language("en"))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/wang-damin/.local/ankong", "/home/*/.local/ankong"),
        ("/var/home/wang-damin", "/var/home/*"),
        ("/Users/wang-damin/Applications", "/Users/*/Applications"),
        ("/opt/ankong", "/opt/ankong"),
        (r"C:\Users\wang-damin\AppData", r"C:\Users\*\AppData"),
        (r"C:\Program Files\Ankong", r"C:\Program Files\Ankong"),
        ("/net/files/export/home/wang-damin/ankong", "/net/files/export/home/*/ankong"),
        ("C:/Users/wang-damin/AppData", "C:/Users/*/AppData"),
        (r"\\?\C:\Users\wang-damin\AppData", r"C:\Users\*\AppData"),
        (r"\\files\wang-damin$\Ankong", r"\\*"),
        (r"\\?\UNC\files\homes\wang-damin\Ankong", r"\\*"),
    ],
)
def test_a_path_names_no_user(path: str, shown: str) -> None:
    assert product.nameless(Path(path)) == shown


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no list of homes")
def test_a_home_in_a_domain_names_no_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as /home/AGENCY/name, when root asks."""
    home = tmp_path / "AGENCY" / "wang-damin"
    (home / "ankong").mkdir(parents=True)

    class Owned:
        st_uid = 4242

    class Entry:
        pw_dir = str(home)

    monkeypatch.setattr(Path, "stat", lambda *_, **__: Owned)
    monkeypatch.setattr("pwd.getpwuid", {4242: Entry}.__getitem__)
    assert product.nameless(home / "ankong") == str(tmp_path / "AGENCY" / "*" / "ankong")


def test_below_the_own_home_the_path_begins_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert product.nameless(tmp_path) == "~"
    assert product.nameless(tmp_path / "a" / "b") == "~/a/b"


@pytest.mark.parametrize(
    ("written", "commit"),
    [
        ('{"commit": "%s"}' % ("a" * 40), "a" * 40),
        ('{"commit": "%s"}' % ("A" * 40), None),
        ('{"commit": null}', None),
        ("[]", None),
        ("{", None),
        ("[" * 100_000, None),
        (None, None),
    ],
)
def test_an_installed_program_says_what_it_was_built_from(
    written: str | None, commit: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if written is not None:
        (tmp_path / product.BUILT_FILE).write_text(written)
    (tmp_path / product.BILL_FILE).write_bytes(b"")
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    facts = product.product_facts()
    assert facts["commit"] == commit
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert facts["build"]["sbom"] == empty
    assert facts["build"]["program"] == product.file_sum(Path(sys.executable))
    assert facts["scope"] in {"user", "machine"}
    msgspec.convert(facts, ProductFacts)


@pytest.mark.parametrize(
    ("text", "session"), [("2", 2), ("4294967295", None), ("x", None), (None, None)]
)
def test_a_process_may_have_a_session(
    text: str | None, session: int | None, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "7").mkdir()
        (tmp_path / "7" / "sessionid").write_text(text)
    if sys.platform != "win32":
        assert session_of(7, tmp_path) == session


@pytest.mark.skipif(sys.platform == "win32", reason="ends it by a signal")
def test_a_real_agent_answers_and_its_card_is_not_told_of(
    tmp_path: Path, make_card: CardFactory
) -> None:
    card, state = tmp_path / "card.json", str(tmp_path / "state")
    cardfile.save(card, make_card("gen2").data)
    quiet = {"HOME": str(tmp_path), "XDG_DATA_HOME": ""}
    quiet["PCSCLITE_CSOCK_NAME"] = str(tmp_path / "nowhere")
    started = [sys.executable, "-m", "agent", "serve", "--state-dir", state, "--port", "0"]
    started += ["--hipki-port", "0", "--virtual-card", str(card)]
    asked = [sys.executable, "-m", "agent", "inventory", "--json", "--state-dir", state]
    env = {**os.environ, **quiet}
    with subprocess.Popen(started, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            done = subprocess.run(
                asked, env=env, check=True, capture_output=True, text=True, timeout=100
            )
        finally:
            process.send_signal(signal.SIGTERM)
    found = msgspec.json.decode(done.stdout, type=Inventory)
    assert (found.agent.running, found.agent.answers) == (True, True)
    assert (found.agent.version, found.agent.problem) == (__version__, None)
    held = {row.port: row.use for row in found.ports.ports if row.state == "held"}
    assert held == {ready["port"]: "https", ready["hipki_port"]: "http"}
    assert (found.trust.mode, found.trust.problem) == ("user", None)
    assert found.smart_cards.readers == ()
    for secret in (TEST_NAME, TEST_ID_NUMBER, str(tmp_path), "Traceback"):
        assert secret not in done.stdout + done.stderr

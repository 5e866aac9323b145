"""Settings, the one running agent, and a log that keeps secrets."""

import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from agent.errors import ErrorCode
from agent.host.instance.running import AlreadyRunningError, Instance
from agent.host.machine import log_flood, logs
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.config import ConfigError, Settings
from agent.rate import Rate
from agent.secret import SecretBytes

PIN = "246813"


# Places.


def test_everything_is_inside_the_state_folder(state_dir: Path) -> None:
    paths = Paths.choose(state_dir)
    names = ("config", "tls", "logs", "sites", "history", "lock", "instance")
    for name in names:
        assert getattr(paths, name).is_relative_to(state_dir)
    assert len({getattr(paths, name) for name in names}) == len(names)
    assert not state_dir.exists()
    paths.prepare()
    paths.prepare()
    if os.name == "posix":
        assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700


def test_without_a_choice_it_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/state")
    if sys.platform == "linux":
        assert Paths.choose().state == Path("/somewhere/state/ankong")
    assert Paths.choose().state.is_absolute()


def test_a_relative_folder_stays_where_it_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = Paths.choose(Path("state"))
    monkeypatch.chdir("/")
    assert paths.state == tmp_path / "state"


# Settings.


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert config.load(tmp_path / "config.toml") == Settings()
    assert Settings().consent == "ask"
    assert not Settings().allow_sha1


def test_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('port = 40000\nconsent = "deny"\npage_pin = false\n# 註解\n', encoding="utf-8")
    assert config.load(path) == Settings(port=40000, consent="deny", page_pin=False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"port = ", "Invalid value"),
        (b"port = 1\nport = 2", "overwrite"),
        (b"\n[port", "Expected"),
        (b"port = '1'", "“port” cannot be"),
        (b"port = 65536", "“port” cannot be"),
        (b"port = -1", "“port” cannot be -1"),
        (b"port = true", "“port” cannot be true"),
        (b"consent = 'maybe'", "“consent” cannot be 'maybe'"),
        (b"allow_sha1 = 1", "“allow_sha1” cannot be 1"),
        (b"prot = 1", "prot"),
        (b"[server]\nport = 1", "server"),
        (b"\xff\xfe", "utf-8"),
        (b"x = " + b"[" * 10_000, "config.toml"),
        (b"#" * 70_000, "longer"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_bad_setting_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert told in caught.value.detail
    assert "config.toml" in caught.value.detail


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        config.load(tmp_path)


# One agent.


def prepared(state_dir: Path) -> Paths:
    paths = Paths.choose(state_dir)
    paths.prepare()
    return paths


def test_there_is_one_agent_and_it_says_who_it_is(state_dir: Path) -> None:
    paths = prepared(state_dir)
    with Instance(paths) as first:
        first.announce(port=28443)
        with pytest.raises(AlreadyRunningError) as caught, Instance(paths):
            pytest.fail("two of them")
        assert caught.value.pid == os.getpid()
        assert str(os.getpid()) in caught.value.detail
        assert caught.value.code is ErrorCode.BUSY
        told = json.loads(paths.instance.read_text())
        assert (told["pid"], told["port"]) == (os.getpid(), 28443)
    assert not paths.instance.exists()
    with Instance(paths):
        pass


def test_a_killed_agent_leaves_the_way_free(state_dir: Path) -> None:
    paths = prepared(state_dir)
    program = (
        "import sys, pathlib, time\n"
        "from agent.host.instance.running import Instance\n"
        "from agent.host.machine.paths import Paths\n"
        "with Instance(Paths(pathlib.Path(sys.argv[1]))):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", program, str(paths.state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(AlreadyRunningError) as caught, Instance(paths):
            pytest.fail("two of them")
        assert caught.value.pid == other.pid
        other.kill()
        other.wait()
    with Instance(paths):
        assert json.loads(paths.instance.read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid":"x"}', "[" * 100_000, "\udc80"])
def test_nonsense_about_the_other_agent_is_survived(state_dir: Path, content: str) -> None:
    paths = prepared(state_dir)
    with Instance(paths):
        paths.instance.write_bytes(content.encode(errors="surrogateescape"))
        with pytest.raises(AlreadyRunningError) as caught, Instance(paths):
            pytest.fail("two of them")
        assert caught.value.pid is None


# The log.


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "ankong.log").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_ours_and_others_lines_are_json(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    with logs.logging_to(folder):
        structlog.get_logger("agent.test").info("讀卡機", reader="R", tries=3)
        logging.getLogger("some.library").warning("took %d ms", 7)
        logging.getLogger("some.library").debug("chatter")
    ours, theirs = lines(folder)
    assert ours["event"] == "讀卡機"
    assert (ours["reader"], ours["tries"], ours["level"]) == ("R", 3, "info")
    assert ours["logger"] == "agent.test"
    assert theirs["event"] == "took 7 ms"
    assert theirs["logger"] == "some.library"
    assert all(line["timestamp"].endswith("Z") for line in (ours, theirs))


def test_an_exception_is_written_with_its_place(tmp_path: Path) -> None:
    with logs.logging_to(tmp_path):
        try:
            _ = 1 // 0
        except ZeroDivisionError:
            structlog.get_logger().exception("oops")
    (line,) = lines(tmp_path)
    assert "ZeroDivisionError" in line["exception"]
    assert "test_host.py" in line["exception"]


def test_the_level_is_respected_and_restored(tmp_path: Path) -> None:
    before = logging.getLogger().level
    with logs.logging_to(tmp_path, "error"):
        structlog.get_logger().warning("no")
        structlog.get_logger().error("yes")
    assert [line["event"] for line in lines(tmp_path)] == ["yes"]
    assert logging.getLogger().level == before


def test_files_do_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_FILE_SIZE", 5000)
    monkeypatch.setattr(logs, "KEPT_FILES", 2)
    monkeypatch.setattr(log_flood, "PER_PLACE", Rate(burst=500, per_second=0))
    with logs.logging_to(tmp_path):
        for number in range(500):
            structlog.get_logger().info("line", number=number)
    files = list(tmp_path.iterdir())
    assert len(files) == 3
    assert all(path.stat().st_size <= 5000 for path in files)
    assert lines(tmp_path)[-1]["number"] == 499


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_the_log_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    before = os.umask(0)
    try:
        with logs.logging_to(folder):
            structlog.get_logger().info("line")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "ankong.log").stat().st_mode) == 0o600


def test_what_cannot_be_shown_does_not_stop_the_log(tmp_path: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with logs.logging_to(tmp_path):
        structlog.get_logger().info("odd", loop=loop, thing=object(), keys={1: {2: 3}})
        structlog.get_logger().info("next")
    assert [line["event"] for line in lines(tmp_path)] == ["odd", "next"]


VERIFY = bytes.fromhex("0C20008206") + PIN.encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"pin": PIN},
        {"PIN": PIN},
        {"user_pin": PIN},
        {"pin_text": PIN},
        {"puk": PIN},
        {"password": PIN},
        {"secret": PIN},
        {"params": {"pin": PIN}},
        {"params": [{"deep": {"Pin": PIN}}]},
        {"pin": SecretBytes.from_text(PIN)},
        {"value": SecretBytes.from_text(PIN)},
        {"value": PIN.encode()},
        {"value": bytearray(PIN, "ascii")},
        {"command": VERIFY},
        {"command": VERIFY.hex()},
        {"command": VERIFY.hex().upper()},
        {"command": VERIFY.hex(" ")},
        {"command": VERIFY.hex(":")},
        {"text": f"sent {VERIFY.hex()} to the card"},
        {"text": f"> {VERIFY.hex(' ')}"},
        {"text": f'{{"id":1,"pin":"{PIN}"}}'},
        {"text": f"pin={PIN}"},
        {"text": f"SignParams(pin='{PIN}', data=b'')"},
        {"items": (f"PIN: {PIN}",)},
        {"command": ["0C", VERIFY.hex()]},
        {"error": ValueError(f"bad command {VERIFY.hex()}")},
    ],
    ids=lambda fields: repr(fields)[:60],
)
def test_no_pin_reaches_the_disk(tmp_path: Path, fields: dict[str, Any]) -> None:
    with logs.logging_to(tmp_path):
        structlog.get_logger().info("something", **fields)
        logging.getLogger("library").info("something %s", fields)
    written = (tmp_path / "ankong.log").read_text()
    assert PIN not in written
    assert PIN.encode().hex() not in written.lower().replace(" ", "").replace(":", "")
    assert len(written.splitlines()) == 2


@pytest.mark.parametrize("ins", ["20", "21", "24", "25", "2C", "2D"])
@pytest.mark.parametrize("cla", ["00", "0C", "04", "80", "84"])
def test_every_command_with_a_pin_is_redacted(ins: str, cla: str) -> None:
    command = f"{cla}{ins}008106{PIN.encode().hex()}"
    assert logs.redact(None, "", {"text": command}) == {"text": logs.REDACTED}


def test_no_pin_in_a_traceback_reaches_the_disk(tmp_path: Path) -> None:
    with logs.logging_to(tmp_path):
        try:
            int(VERIFY.hex(), 10)
        except ValueError:
            structlog.get_logger().exception("oops")
            logging.getLogger("library").exception("oops")
    written = (tmp_path / "ankong.log").read_text()
    assert written.count("ValueError") >= 2
    assert PIN.encode().hex() not in written


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "00A4040C0FA000000077"},
        {"shipping": "5", "spinning": "x", "opinion": "fine", "pinned": "yes"},
        {"attempts_left": 2, "code": "pin_incorrect", "ratio": 0.5, "on": True, "none": None},
        {"text": "the PIN is wrong"},
        {"thumbprint": "ab" * 32},
    ],
    ids=repr,
)
def test_what_is_no_secret_stays_readable(fields: dict[str, Any]) -> None:
    assert logs.redact(None, "", dict(fields)) == fields

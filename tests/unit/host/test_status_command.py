"""``ankong status`` and ``ankong policy show`` beside a running agent, as programs of their own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.commands.tongue import CHOOSING
from agent.host.machine.document_copies import AGENTS
from agent.virtualcard import cardfile
from tests.conftest import CardFactory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends it by a signal")
Ankong = Callable[..., tuple[int, str, str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    quiet = {"HOME": str(tmp_path), "XDG_DATA_HOME": "", CHOOSING: "en", "TZ": "Asia/Taipei"}
    return {**os.environ, **quiet}


@pytest.fixture
def ankong(tmp_path: Path, environment: dict[str, str]) -> Ankong:
    """Run a command; give its exit status, and what it says on both streams."""

    def run(*arguments: str, **more: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "agent", *arguments, "--state-dir", str(tmp_path / "state")],
            env={**environment, **more},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=100,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


def leave_copy(place: Path) -> None:
    """Leave a copy of a document as an agent does that is killed."""
    folder = place / "state" / "documents"
    folder.mkdir(mode=0o700, parents=True)
    folder.parent.chmod(0o700)
    (folder / f"{AGENTS}-0123456789abcdef.pdf").touch()


@pytest.fixture
def serving(
    tmp_path: Path, environment: dict[str, str], make_card: CardFactory
) -> Iterator[dict[str, Any]]:
    """Run the agent with a card; give what it said when it was ready."""
    card = tmp_path / "card.json"
    cardfile.save(card, make_card("gen2").data)
    leave_copy(tmp_path)
    command = [sys.executable, "-m", "agent", "serve", "--state-dir", str(tmp_path / "state")]
    command += ["--virtual-card", str(card), "--port", "0", "--hipki-port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield {**json.loads(process.stdout.readline()), "process": process}
        process.send_signal(signal.SIGTERM)


def test_where_none_runs_it_says_so_and_ends_with_3(ankong: Ankong) -> None:
    status, out, _ = ankong("status")
    assert status == 3
    assert "not running" in out
    assert ankong("status", "--json")[:2] == (3, '{"running": false}\n')


def test_an_agent_that_starts_clears_what_the_last_one_left(
    serving: dict[str, Any], tmp_path: Path
) -> None:
    assert serving["ready"]
    assert list((tmp_path / "state" / "documents").iterdir()) == []


def test_a_running_agent_is_shown_with_ports_readers_and_cards(
    ankong: Ankong, serving: dict[str, Any], tmp_path: Path
) -> None:
    status, out, _ = ankong("status", "--json")
    told = json.loads(out)
    assert status == 0
    assert (told["running"], told["answers"], told["restart"]) == (True, True, [])
    assert told["pid"] == serving["process"].pid
    assert told["ports"]["https"] == serving["port"]
    assert told["ports"]["http"] == serving["hipki_port"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["since"])
    (reader,) = told["readers"]
    assert (reader["state"], reader["generation"]) == ("card", "gen2")
    status, out, _ = ankong("status")
    assert status == 0
    assert f"https://localhost:{serving['port']}" in out
    assert re.search(r"started +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+08:00$", out, re.MULTILINE)
    assert "second generation" in out
    assert "\x1b" not in out
    (tmp_path / "state" / "policy.toml").write_text("page_pin = false\n")
    status, out, _ = ankong("status", "--json")
    assert (status, json.loads(out)["restart"]) == (0, ["policy"])
    assert "start it again" in ankong("status")[1]
    assert "ankong quit" in ankong("policy", "show")[2]
    assert json.loads(ankong("policy", "show", "--json")[1])["restart"] is True


def test_an_agent_that_does_not_answer_is_told_of(ankong: Ankong, serving: dict[str, Any]) -> None:
    serving["process"].send_signal(signal.SIGSTOP)
    try:
        status, out, _ = ankong("status", "--json")
        told = json.loads(out)
        assert (status, told["running"], told["answers"]) == (1, True, False)
        assert told["problem"]
        status, out, _ = ankong("status")
        assert (status, "does not answer" in out) == (1, True)
    finally:
        serving["process"].send_signal(signal.SIGCONT)


def test_each_setting_says_where_it_comes_from_and_whether_it_is_locked(
    ankong: Ankong, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "config.toml").write_text('log_level = "debug"\npage_pin = true\nmca = true\n')
    (state / "policy.toml").write_text('page_pin = false\nallowed = ["https://a.example"]\n')
    status, out, _ = ankong("policy", "show", "--port", "0", "--json")
    told = json.loads(out)
    settings = told["settings"]
    assert status == 0
    assert settings["page_pin"] == {
        "value": False,
        "source": "policy",
        "locked": True,
        "lockable": True,
    }
    assert settings["log_level"]["source"] == "config"
    assert (settings["port"]["value"], settings["port"]["source"]) == (0, "flag")
    assert settings["last_try"]["source"] == "default"
    assert not settings["check_peer"]["lockable"]
    assert told["sites"]["allowed"] == ["https://a.example"]
    assert told["policy"] == {
        "path": str(state / "policy.toml"),
        "found": True,
        "problem": None,
        "ignored": None,
        "hidden": None,
        "unknown": [],
    }
    assert told["fleet"] == {"minimum_version": None, "consent_text": ""}
    status, out, _ = ankong("policy", "show", **{CHOOSING: "zh-Hant"})
    assert re.search(r"^page_pin +false +政策 +是$", out, re.MULTILINE)
    assert re.search(r'^allowed +\["https://a.example"\]$', out, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alowed = []", "probably “allowed” is meant. Known: allow_sha1, allowed, "),
        ("check_peer = true", "“check_peer” is the user's own and cannot stand in a policy"),
        ("page_pin = 1", "“page_pin” cannot be 1; expected: true or false"),
        ('allowed = "https://a.example"', "expected: a list in brackets, each: text"),
        ('other_sites = "no"', 'expected: one of "ask", "forbid"'),
        ("port = 70000", "expected: a whole number from 0 to 65535"),
        ("page_pin", "this is no TOML"),
        ('"\\u001b[31m" = 1', "there is no “\ufffd[31m”"),
    ],
)
def test_a_policy_that_cannot_be_used_says_what_it_should_be(
    ankong: Ankong, tmp_path: Path, text: str, said: str
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "policy.toml").write_text(text)
    status, out, _ = ankong("policy", "show")
    assert status == 1
    assert said in out
    told = json.loads(ankong("policy", "show", "--json")[1])
    assert said in told["policy"]["problem"]
    assert told["settings"]["page_pin"]["value"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "可能是「port」。可以用：allow_sha1, "),
        (
            'consent = "never"',
            '「consent」不能是 \'never\'；應該是：其中一個："ask", "allow", "deny"',
        ),
        ("jrsys_ports = 1", "方括號裡的清單，每一項：0 到 65535 的整數"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_explained_in_the_user_s_language(
    ankong: Ankong, tmp_path: Path, text: str, said: str
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "config.toml").write_text(text)
    status, out, err = ankong("policy", "show", **{CHOOSING: "zh-Hant"})
    assert (status, out) == (1, "")
    assert said in err

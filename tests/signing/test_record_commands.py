"""``ankong sites``, ``ankong history`` and the line that ``ankong sign`` leaves."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from agent import cli
from agent.consent.site_store import Decision, SiteStore
from agent.history.store import verify
from agent.origin import Origin
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from tests.signing.history_support import tampering, written

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Commands send the log to the standard error of the moment."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def run(state: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; gives its exit status and what it printed, here and there."""

    def run_it(*arguments: str) -> tuple[int, str, str]:
        status = cli.run([*arguments, "--state-dir", str(state)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run_it


def listed(run: Run) -> dict[str, dict[str, Any]]:
    status, out, _ = run("sites", "--json")
    assert status == 0
    return {row["origin"]: row for row in json.loads(out)["sites"]}


def test_no_sites_and_no_history_make_no_files(run: Run, state: Path) -> None:
    assert run("sites") == (0, "", "no site has been decided about\n")
    status, out, err = run("history", "--verify")
    assert (status, out) == (0, "")
    assert err.splitlines()[:2] == ["nothing was done with a card", "the chain holds; lines: 0"]
    assert list(state.iterdir()) == []


def test_a_site_is_allowed_blocked_and_forgotten(run: Run, state: Path) -> None:
    for decision, expected in (("allow", Decision.ALLOWED), ("block", Decision.BLOCKED)):
        status, out, _ = run("sites", decision, "https://portal.example")
        assert status == 0
        assert "https://portal.example" in out
        with closing(SiteStore(state / "sites.sqlite")) as store:
            assert store.decision(Origin.parse("https://portal.example")) is expected
    assert listed(run)["https://portal.example"]["decision"] == "blocked"
    assert run("sites", "forget", "https://portal.example")[0] == 0
    assert listed(run) == {}


def test_signatures_over_what_cannot_be_shown_are_decided_apart(run: Run) -> None:
    site = "https://portal.example"
    run("sites", "allow", site)
    for decision, expected in (
        ("allow-blind", "allowed"),
        ("block-blind", "blocked"),
        ("forget-blind", "unknown"),
    ):
        assert run("sites", decision, site)[0] == 0
        assert (listed(run)[site]["decision"], listed(run)[site]["blind"]) == ("allowed", expected)
        assert ("what cannot be shown" in run("sites")[1]) is (expected != "unknown")
    run("sites", "allow-blind", site)
    run("sites", "forget", site)
    assert listed(run) == {}


@pytest.mark.parametrize(
    "arguments",
    [("allow",), ("block", "portal.example"), ("allow", "https://*.gov.tw"), ("allow", "null")],
)
def test_what_is_no_site_is_refused(run: Run, state: Path, arguments: tuple[str, ...]) -> None:
    status, out, err = run("sites", *arguments)
    assert (status, out) == (1, "")
    assert "is no site" in err or err.startswith("ankong: allow which site?")
    assert not (state / "sites.sqlite").exists()


def test_what_the_policy_says_is_shown(run: Run, state: Path) -> None:
    (state / "policy.toml").write_text('forbidden = ["https://*.example"]')
    run("sites", "allow", "https://portal.example")
    assert listed(run)["https://portal.example"]["policy"] == "forbidden"
    (state / "policy.toml").write_text("nonsense")
    status, out, _ = run("sites", "--json")
    answer = json.loads(out)
    assert status == 0
    assert "policy.toml" in answer["policy_problem"]
    assert "cannot be used" in run("sites")[1]


def test_the_history_is_printed_the_newest_last(run: Run, state: Path) -> None:
    written(state / "history.sqlite", 25)
    status, out, _ = run("history")
    lines = out.splitlines()
    assert status == 0
    assert len(lines) == 20
    assert lines[-1].split()[0] == "25"
    assert "測試文件 24" in lines[-1]
    assert len(run("history", "--limit", "3")[1].splitlines()) == 3


def test_it_is_exported_whole(run: Run, state: Path) -> None:
    written(state / "history.sqlite", 600)
    assert len(json.loads(run("history", "--json")[1])["lines"]) == 600


def test_csv_goes_out_as_bytes(state: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    written(state / "history.sqlite", 2)
    assert cli.run(["history", "--csv", "--state-dir", str(state)]) == 0
    out = capfdbinary.readouterr().out
    assert out.startswith(b"\xef\xbb\xbf")
    assert out.count(b"\r\n") == 3
    assert b"\r\r\n" not in out


def test_a_changed_line_fails_the_command(run: Run, state: Path) -> None:
    path = state / "history.sqlite"
    written(path, 3)
    assert run("history", "--verify")[0] == 0
    with tampering(path) as connection:
        connection.execute("UPDATE lines SET outcome = 'done!' WHERE seq = 2")
    status, _, err = run("history", "--verify")
    assert status == 1
    assert "Line 2: this line was changed" in err
    status, out, _ = run("history", "--verify", "--json")
    assert status == 1
    assert json.loads(out)["chain"]["breaks"][0]["seq"] == 2


def test_a_file_that_is_none_is_told(run: Run, state: Path) -> None:
    (state / "history.sqlite").write_bytes(b"garbage" * 1000)
    status, out, _ = run("history", "--json")
    assert status == 1
    assert json.loads(out)["error"]["code"] == "internal"


@pytest.mark.parametrize("limit", ["0", "-1", "x", str(2**63)])
def test_a_limit_is_a_count(run: Run, limit: str) -> None:
    with pytest.raises(SystemExit):
        run("history", "--limit", limit)


def test_what_the_command_line_signs_is_in_the_history(
    run: Run, state: Path, tmp_path: Path, make_card: Callable[..., VirtualCard]
) -> None:
    card, document = tmp_path / "card.json", tmp_path / "合約.txt"
    cardfile.save(card, make_card().data)
    document.write_text("hello")
    command = ("sign", str(document), "--out", str(tmp_path / "out"), "--virtual-card", str(card))
    for typed in (b"654321", b"123456"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", Typed(typed))
            run(*command, "--pin-stdin")
    path = state / "history.sqlite"
    newest, older = json.loads(run("history", "--json")[1])["lines"]
    assert (older["outcome"], newest["outcome"]) == ("pin_incorrect", "done")
    assert (newest["site"], newest["document"]) == ("local://user", "合約.txt")
    assert verify(path).intact


class Typed:
    """A standard input with one line."""

    def __init__(self, line: bytes) -> None:
        import io

        self.buffer = io.BytesIO(line + b"\n")

    def isatty(self) -> bool:
        return False

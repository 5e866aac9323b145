"""No command writes over a file that is there, unless it is told to; and never over its input."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import cli
from agent.commands.out_file import require_free
from agent.errors import BadRequestError
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard

Said = Callable[..., str]
CARD = "card.json"


@pytest.fixture
def folder(
    tmp_path: Path, make_card: Callable[..., VirtualCard], monkeypatch: pytest.MonkeyPatch
) -> Path:
    cardfile.save(tmp_path / CARD, make_card().data)
    (tmp_path / "letter.txt").write_text("Dear all")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command that has to fail before it does anything; return what it says."""

    def run(*words: str) -> str:
        assert cli.run([*words, "--state-dir", "state"]) == 1
        assert not Path("state").exists()
        return capsys.readouterr().err

    return run


def sign(*more: str) -> tuple[str, ...]:
    return ("sign", "letter.txt", "--virtual-card", CARD, "--pin-stdin", *more)


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("out", ["letter.txt", "./letter.txt", "linked", "hard", CARD])
def test_a_signature_never_replaces_what_it_is_made_of(
    folder: Path, fails: Said, out: str, force: tuple[str, ...]
) -> None:
    (folder / "linked").symlink_to("letter.txt")
    os.link("letter.txt", "hard")
    before = (folder / CARD).read_bytes()
    assert "replace what is read" in fails(*sign("--out", out, *force))
    assert (folder / "letter.txt").read_text() == "Dear all"
    assert (folder / CARD).read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        sign("--out", "mine"),
        ("card", "new", "--name", "\u738b\u6e2c\u8a66", "--pin", "123456", "--out", "mine"),
        ("card", "scenarios", "--make", "gen1", "--out", "mine"),
        ("doctor", "--bundle", "mine"),
    ],
)
def test_a_file_that_is_there_stays(folder: Path, fails: Said, command: tuple[str, ...]) -> None:
    (folder / "mine").write_text("years of work")
    assert "--force" in fails(*command)
    assert (folder / "mine").read_text() == "years of work"


@pytest.mark.parametrize(("out", "says"), [("no/such/file", "no such folder"), (".", "a folder")])
def test_a_place_where_no_file_can_be_is_told_before_the_pin(
    folder: Path, fails: Said, out: str, says: str
) -> None:
    del folder
    assert says in fails(*sign("--out", out))


def test_what_is_replaced_is_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine").write_text("a draft")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"123456\n")))
    assert cli.run([*sign("--out", "mine", "--force", "--json"), "--state-dir", "state"]) == 0
    assert json.loads(capsys.readouterr().out)["out"] == "mine"
    assert (folder / "mine").read_bytes()[:1] == b"\x30"


@pytest.mark.skipif(os.name != "posix", reason="there are no such files")
def test_a_pipe_or_a_device_is_no_file_that_could_be_lost(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    require_free(tmp_path / "pipe", force=False)
    require_free(Path(os.devnull), force=False)
    with pytest.raises(BadRequestError):
        require_free(Path("/"), force=True)


def test_prepared_cards_tell_their_pin(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["card", "scenarios"]) == 0
    assert "123456" in capsys.readouterr().err
    assert cli.run(["card", "scenarios", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pin"] == "123456"

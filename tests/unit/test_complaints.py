"""What people are told when a command fails: in their language, true, and without numbers."""

import errno
import json
from pathlib import Path

import pytest

from agent.cli import run
from agent.commands.complaints import complain
from agent.commands.tongue import CHOOSING
from agent.errors import AgentError, BadRequestError, ErrorCode


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak Chinese, without colours."""
    monkeypatch.setenv(CHOOSING, "zh-Hant")
    monkeypatch.setenv("NO_COLOR", "1")


WRONG = [
    ("verify none.p7m", "none.p7m：沒有這個檔案或資料夾"),
    ("inspect none.json", "none.json：沒有這個檔案或資料夾"),
    ("certificates --virtual-card none.json", "none.json：沒有這個檔案或資料夾"),
    ("certificates --virtual-card text.json", "text.json：這不是虛擬卡片"),
    ("card scenarios --make nope --out a", "沒有「nope」這種卡片；有：gen1, gen2"),
    ("card scenarios --make gen2", "--make 需要 --out 檔案"),
    ("card scenarios --make gen2 --out .", "這是資料夾；請指定要寫入的檔案"),
    ("card scenarios --make gen2 --out text.json", "檔案已經存在；加上 --force 會取代它"),
    ("card scenarios --make gen2 --out none/a", "沒有這個資料夾"),
    ("card new --name A --pin 123456 --id-number 5 --out a", "這不是有效的證號"),
    ("card new --name A --pin 1 --out a", "長度不對"),
    ("card insert text.json --vpcd nowhere", "--vpcd 是 HOST:PORT"),
    ("sites allow site.example", "「site.example」不是網站"),
    ("sites allow", "allow 是關於哪個網站？"),
    ("panel", "安控沒有在執行，或尚未就緒"),
    ("doctor --repair nope", "沒有「nope」這項修復；有："),
]


@pytest.mark.parametrize(("line", "said"), WRONG, ids=[ascii(line) for line, _ in WRONG])
def test_a_mistake_is_explained_in_the_language_of_who_made_it(
    line: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.json").write_text("text")
    assert run([*line.split(), "--state-dir", str(tmp_path / "state")]) in {1, 2}
    told = capsys.readouterr()
    assert said in told.err
    assert "Errno" not in told.err


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "磁碟已滿"),
        (errno.EACCES, "沒有權限"),
        (errno.EROFS, "磁碟是唯讀的"),
        (errno.ELOOP, "Too many levels"),
    ],
)
def test_what_the_system_refuses_is_told_without_its_number(
    number: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    complain(OSError(number, "Too many levels", "/a/\x1bb"), as_json=False)
    told = capsys.readouterr().err
    assert said in told
    assert str(number) not in told
    assert "\x1b" not in told


def test_an_error_of_the_card_is_said_first_and_then_what_an_engineer_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    complain(AgentError("63C2", code=ErrorCode.PIN_INCORRECT, attempts_left=2), as_json=False)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("ankong: PIN 碼錯誤")
    assert "2" in first
    assert second == "  pin_incorrect: 63C2"


def test_programs_are_told_the_same_in_every_language(
    capsys: pytest.CaptureFixture[str],
) -> None:
    complain(BadRequestError("no such thing", said=("cli.error.no_agent", {})), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "error": {"code": "bad_request", "message": "no such thing", "retriable": False}
    }

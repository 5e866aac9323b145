"""The rows of ``ankong history`` and ``ankong trust``: in the citizen's words, and in columns."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import cli
from agent.commands import trust
from agent.commands.columns import cells
from agent.commands.history_rows import break_row, reason, rows
from agent.commands.tongue import CHOOSING, speaking
from agent.errors import ErrorCode
from agent.history.chain import Break, Flaw
from agent.history.line import (
    BLIND,
    BROKEN,
    NOTHING_BEFORE,
    UNDELIVERED,
    UNWRITTEN,
    Entry,
    EntryKind,
    HistoryLine,
)
from agent.host.tls.store import NAMES, Place, Presence
from agent.words import Language, load
from tests.signing.history_support import HOLDER, entry, tampering, written

IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[a-z]{3,}")
NOT_WORDS = re.compile(r"https(://\S+)?|SHA-256 [0-9a-f]+|JRSYS|PIN|\bcms\b")


@pytest.fixture
def chinese() -> Iterator[None]:
    with speaking(Language.CHINESE):
        yield


def line(number: int, **fields: str | int | None) -> HistoryLine:
    made = entry(number, **{name: each for name, each in fields.items() if name != "count"})  # type: ignore[arg-type]
    values = {name: getattr(made, name) for name in made.__slots__}
    values["count"] = fields.get("count", 1)
    return HistoryLine.after(number, 1, NOTHING_BEFORE, Entry(**values))


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("kind", [each for each in EntryKind if each is not EntryKind.SEGMENT])
def test_no_kind_and_no_outcome_is_english_in_chinese(kind: str) -> None:
    outcomes = ("done", UNDELIVERED, *ErrorCode)
    told = rows([line(7, kind=kind, outcome=each, detail=BLIND, count=3) for each in outcomes])
    for row in told:
        assert_chinese(row, kind)


def assert_chinese(row: str, kind: str) -> None:
    assert not ENGLISH.search(NOT_WORDS.sub("", row)), row
    assert load(Language.CHINESE)[f"panel.history.kind_{kind}"] in row
    assert load(Language.CHINESE)["panel.history.blind"] in row
    assert "3 份文件" in row
    assert not row.endswith("。")
    assert HOLDER in row


@pytest.mark.parametrize("language", Language)
def test_the_columns_hold_whatever_their_words_are(language: Language) -> None:
    kinds = [each for each in EntryKind if each is not EntryKind.SEGMENT]
    with speaking(language):
        told = rows([line(number, kind=kind) for number, kind in enumerate(kinds)])
    assert len({cells(row.partition("https://")[0]) for row in told}) == 1


@pytest.mark.usefixtures("chinese")
def test_a_new_segment_and_a_gap_are_told_with_their_reason() -> None:
    for flaw in Flaw:
        why = f"line 4: {Break(4, 1, flaw).what}"
        [row] = rows([line(5, kind=EntryKind.SEGMENT, outcome=BROKEN, detail=why)])
        assert not ENGLISH.search(row), row
        assert load(Language.CHINESE)[f"panel.history.flaw_{flaw}"] in row
    [row] = rows([line(6, kind=EntryKind.SEGMENT, outcome=UNWRITTEN, count=12)])
    assert not ENGLISH.search(row)
    assert "12" in row


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    "detail", ["", "5 of them", "it is not there", "its authentication does not hold"]
)
def test_where_a_chain_does_not_hold_is_told(detail: str) -> None:
    for flaw in Flaw:
        row = break_row(Break(9, 1, flaw, detail))
        assert not ENGLISH.search(row), row
        assert "9" in row


@pytest.mark.usefixtures("chinese")
def test_a_file_that_was_set_aside_keeps_its_name() -> None:
    said = reason("the file was corrupt and is now history.sqlite.corrupt-1")
    assert "history.sqlite.corrupt-1" in said
    assert IDEOGRAPH.search(said)


FOREIGN = ("site", "document", "holder", "format", "hash", "digest")
SIGNED = {"kind": EntryKind.SIGN, "hash": "SHA-256", "digest": "00"}


@pytest.mark.parametrize("hostile", ["line 1: " * 100_000, "\x1b[2J", "9" * 6000 + " of them"])
def test_what_somebody_wrote_into_the_file_does_no_harm(hostile: str) -> None:
    for fields in (
        {"kind": EntryKind.SEGMENT, "outcome": BROKEN, "detail": hostile},
        {"kind": hostile, "outcome": hostile, "detail": hostile},
        *({**SIGNED, name: hostile} for name in FOREIGN),
    ):
        [row] = rows([line(1, **fields)])
        assert "\x1b" not in row


def test_the_command_says_them_in_the_language_that_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(CHOOSING, "zh-Hant")
    path = tmp_path / "history.sqlite"
    written(path, 2)
    with tampering(path) as connection:
        connection.execute("UPDATE lines SET outcome = 'no_card' WHERE seq = 2")
    assert cli.run(["history", "--verify", "--state-dir", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "簽章" in told.out
    assert "讀卡機裡沒有卡片" in told.out
    assert "第 2 筆" in told.err


class _Stores:
    """Trust stores in every state that there is."""

    def __init__(self) -> None:
        self.places = [Place(name, "/there", each) for each in Presence for name in NAMES]

    def check(self, _authority: object) -> list[Place]:
        return self.places

    def is_needed(self, place: Place) -> bool:
        return place.store == "firefox"


@pytest.mark.parametrize("language", Language)
def test_every_state_of_a_trust_store_has_its_words_in_columns(
    language: Language,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(CHOOSING, str(language))
    monkeypatch.setattr(trust, "_trust", lambda _: _Stores())
    assert cli.run(["trust", "check", "--state-dir", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(Presence) * len(NAMES)
    places = zip(lines, _Stores().places, strict=True)
    for said, place in places:
        assert said.startswith(load(language)[f"cli.trust.presence.{place.presence}"])
        assert said.endswith(f"{NAMES[place.store]}: /there")
    starts = {
        cells(said[: said.rindex(NAMES[place.store])])
        for said, place in zip(lines, _Stores().places, strict=True)
    }
    assert len(starts) == 1
    assert cli.run(["trust", "check", "--json", "--state-dir", str(tmp_path)]) == 1
    assert '"presence": "needs_tool"' in capsys.readouterr().out

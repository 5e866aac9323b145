"""Whether a screen reader runs: what the desktop's bus says, or that its process is there."""

import asyncio
import os
from pathlib import Path

import pytest

from agent.host.machine import screen_reader

pytestmark = pytest.mark.skipif(os.name == "nt", reason="on Windows the system is asked")


def process(folder: Path, number: str, name: str) -> None:
    place = folder / number
    place.mkdir(parents=True)
    (place / "comm").write_text(f"{name}\n")


@pytest.mark.parametrize(
    ("name", "is_reader"), [("orca", True), ("cthulhu", True), ("orcad", False), ("bash", False)]
)
def test_a_screen_reader_is_known_by_its_process(
    tmp_path: Path, name: str, is_reader: bool
) -> None:
    process(tmp_path, "7", "init")
    process(tmp_path, "8", name)
    process(tmp_path, "self", "orca")  # a link to another, not one of its own
    (tmp_path / "9").mkdir()  # it has just ended
    assert screen_reader.has_reader_process(tmp_path) is is_reader


def test_where_there_are_no_processes_to_see_there_is_none(tmp_path: Path) -> None:
    assert not screen_reader.has_reader_process(tmp_path / "missing")


@pytest.mark.parametrize("address", ["", "nonsense", "unix:path=/no/such/bus"])
def test_without_a_desktop_there_is_none_and_nothing_is_raised(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    monkeypatch.setattr(screen_reader, "has_reader_process", lambda: False)
    assert not asyncio.run(screen_reader.runs())


def test_a_bus_that_never_answers_keeps_no_question_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never() -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(screen_reader, "has_reader_process", lambda: False)
    monkeypatch.setattr(screen_reader, "_told_on_bus", never)
    monkeypatch.setattr(screen_reader, "_SECONDS", 0.05)
    assert not asyncio.run(screen_reader.runs())

"""What is made to happen ten thousand times has ten lines in the log, and a number."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from agent.host.machine import log_flood, logs
from agent.seldom import SeldomLog

FLOOD = 10_000


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "ankong.log").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def by_structlog(number: int) -> None:
    structlog.get_logger("agent.test").warning("made to happen", number=number)


def by_structlog_with_a_text_of_its_own(number: int) -> None:
    structlog.get_logger("agent.test").info(f"made to happen {number}")


def by_structlog_with_arguments(number: int) -> None:
    structlog.get_logger("agent.test").info("made to happen: %r", number)


def by_an_exception(number: int) -> None:
    try:
        int(f"{number}?")
    except ValueError:
        structlog.get_logger("agent.test").exception("made to happen")


def by_a_library(number: int) -> None:
    logging.getLogger("aiohttp.websocket").warning("made to happen %d", number)


def by_the_event_loop(number: int) -> None:
    logging.getLogger("asyncio").error("made to happen %d", number, exc_info=ValueError("x"))


@pytest.mark.parametrize(
    "happen",
    [
        by_structlog,
        by_structlog_with_a_text_of_its_own,
        by_structlog_with_arguments,
        by_an_exception,
        by_a_library,
        by_the_event_loop,
    ],
)
def test_a_flood_has_few_lines_and_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happen: Callable[[int], None]
) -> None:
    now = 0.0
    filtering = log_flood.FloodFilter(lambda: now)
    monkeypatch.setattr(logs, "FloodFilter", lambda: filtering)
    with logs.logging_to(tmp_path):
        for number in range(FLOOD):
            happen(number)
        structlog.get_logger("agent.test").warning("something else")
        now += 10
        happen(FLOOD)
    found = lines(tmp_path)
    assert len(found) == 12
    assert [line["event"].startswith("made to happen") for line in found].count(True) == 11
    assert found[10]["event"] == "something else"
    last = found[11]
    told = last.get("lines_left_out") or last["event"]
    assert str(FLOOD - 10) in str(told)
    assert "lines_left_out" not in found[0]


def test_what_is_seldom_is_not_left_out(tmp_path: Path) -> None:
    with logs.logging_to(tmp_path):
        log = SeldomLog("agent.test")
        for number in range(FLOOD):
            log.note("first", number=number)
        log.note("second")
    assert [line["event"] for line in lines(tmp_path)] == ["first", "second"]


def test_places_are_remembered_in_bounded_memory() -> None:
    filtering = log_flood.FloodFilter()
    for number in range(log_flood.MAX_PLACES * 2):
        filtering.filter(logging.LogRecord("n", 20, "p", number, "text", None, None))
    assert len(filtering._buckets._buckets) == log_flood.MAX_PLACES

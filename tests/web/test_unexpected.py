"""An error that nobody expected has one traceback in the log, however often it happens."""

import asyncio
from typing import Any

import pytest
import structlog

from agent.web.front import web_sockets
from agent.web.front.refusal import UnexpectedErrors


def first(number: int) -> None:
    raise ValueError(number)


def second(number: int) -> None:
    raise KeyError(number)


def caught(raising: Any, number: int) -> Exception:
    try:
        raising(number)
    except Exception as error:  # noqa: BLE001  # any
        return error
    raise AssertionError("nothing was raised")


def test_one_traceback_for_each_kind_and_its_number_for_good() -> None:
    now = 0.0
    errors = UnexpectedErrors(lambda: now)
    with structlog.testing.capture_logs() as lines:
        told = [errors.log(caught(first, number)).reference for number in range(1000)]
        other = errors.log(caught(second, 1)).reference
        never_raised = errors.log(ValueError("made, not raised")).reference
        now = 3600.0
        later = errors.log(caught(first, 1)).reference
    assert len({*told, other, never_raised}) == 3
    assert {*told, later} == {told[0]}
    full = [(line["reference"], line["times"]) for line in lines if "exc_info" in line]
    assert full == [(told[0], 1), (other, 1), (never_raised, 1), (told[0], 1001)]
    again = [line for line in lines if line["event"] == "unexpected error again"]
    assert [(line["reference"], line["times"]) for line in again] == [(told[0], 2)]


async def test_pages_that_do_not_read_have_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Driven where the log is written: how a page does not read is tested elsewhere."""

    class Deaf:
        aborted = 0

        async def send_frame(self, *_: Any) -> None:
            await asyncio.Event().wait()

        def abort(self) -> None:
            self.aborted += 1

    deaf = Deaf()
    monkeypatch.setattr(web_sockets, "_log", web_sockets.SeldomLog("test"))
    with structlog.testing.capture_logs() as lines:
        for number in range(20):
            site: Any = f"https://{number}.example"
            channel = web_sockets.SocketChannel(site, deaf, deaf, 0)  # type: ignore[arg-type]  # deaf
            await channel.send(b"{}")
    assert deaf.aborted == 20
    assert [line["event"] for line in lines] == ["a page does not read"]

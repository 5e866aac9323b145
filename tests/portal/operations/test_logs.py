"""What is logged is one line, in either format, without what libraries say of people."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from agent.portal.operations.logs import LogFormat, log_to_stderr

PERSON = "0912345678"


@pytest.fixture(autouse=True)
def _root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)


def lines(form: LogFormat, capsys: pytest.CaptureFixture[str], name: str) -> list[str]:
    """Log a message, and an exception that quotes a person; return the lines."""
    log_to_stderr(form)
    log = logging.getLogger(name)
    with structlog.contextvars.bound_contextvars(request="1a2b3c4d"):
        log.warning("found %s", PERSON)
        try:
            int(PERSON + "x")
        except ValueError:
            log.exception("failed for %s", PERSON)
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("form", LogFormat)
def test_a_library_s_text_about_a_person_is_left_out(
    form: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    found, failed = lines(form, capsys, "aiohttp.server")
    assert PERSON not in found + failed
    assert "found %s" in found
    assert "ValueError at lines:" in failed
    assert "1a2b3c4d" in failed


@pytest.mark.parametrize("form", LogFormat)
def test_our_own_text_is_kept_and_an_exception_s_is_not(
    form: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    _, failed = lines(form, capsys, "agent.portal.somewhere")
    assert f"failed for {PERSON}" in failed
    assert failed.count(PERSON) == 1


def test_json_lines_have_what_a_collector_needs(capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = lines(LogFormat.JSON, capsys, "agent.portal.somewhere")
    line = json.loads(found)
    assert set(line) == {"event", "level", "logger", "timestamp", "request"}
    assert (line["level"], line["logger"]) == ("warning", "agent.portal.somewhere")
    assert line["timestamp"].endswith("Z")


def test_a_message_of_several_lines_is_one_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(LogFormat.TEXT)
    logging.getLogger("agent.portal.x").warning("one\ntwo\x1b[2J")
    (line,) = capsys.readouterr().err.splitlines()
    assert "\x1b" not in line

"""The prompt process that waits for its question, on a real display."""

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.consent.site_store import Decision, SiteStore
from agent.consent.wire import NO_DISPLAY, TAKEN, WAIT, encode_request
from agent.origin import Origin
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from tests.conftest import TEST_PIN
from tests.signing.prompt_support import BLIND, PIN
from tests.tray.prompt.desktop import PATIENCE, Desktop, x_server
from tests.tray.prompt.running_agent import (
    SITE,
    RunningAgent,
    code,
    private_kib,
    running_agent,
    sleeps,
    without_display,
)

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, "-P", "-m", "tray.prompt.process", WAIT)
DOCUMENT = {"data": base64.b64encode(b"hello").decode(), "hash": "SHA-256", "format": "cms"}
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys
MOST_MEMORY = 25 * 1024  # KiB of its own while it waits
CardFactory = Callable[..., VirtualCard]


@contextmanager
def waiting(
    environment: Mapping[str, str], command: Sequence[str] = COMMAND
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process that waits; it must have ended by itself in the end."""
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(PATIENCE)


def put(process: "subprocess.Popen[bytes]", line: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(line)
    process.stdin.flush()


def said(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stdout is not None
    return process.stdout.read()


def test_it_shows_nothing_until_it_is_asked(desktop: Desktop) -> None:
    with waiting(desktop.environment) as process:
        time.sleep(AWAKE)
        desktop.see_nothing()
        put(process, encode_request(PIN, "zh-Hant"))
        desktop.see()
        time.sleep(AWAKE)
        desktop.picture("ready-pin")
        desktop.press(*TEST_PIN, "Return")
        assert said(process) == TAKEN + b"pin:" + TEST_PIN.encode()
    assert process.returncode == 0


def test_its_window_takes_the_keys_of_its_own_question(desktop: Desktop) -> None:
    with waiting(desktop.environment) as process:
        put(process, encode_request(BLIND, "en"))
        desktop.see()
        time.sleep(AWAKE)
        desktop.press("alt+t")
        assert said(process) == TAKEN + b"this_time"


def test_it_ends_when_nobody_asks_any_more(desktop: Desktop) -> None:
    with waiting(desktop.environment) as process:
        time.sleep(AWAKE)
    assert process.returncode == 0


def test_its_window_closes_when_nobody_waits_for_the_answer(desktop: Desktop) -> None:
    with waiting(desktop.environment) as process:
        put(process, encode_request(PIN))
        desktop.see()
        assert process.stdin is not None
        process.stdin.close()
        desktop.see_nothing()
        assert said(process) == TAKEN
        process.wait(PATIENCE)


@pytest.mark.parametrize("display", [None, ":nowhere"])
def test_without_a_display_it_ends_at_once(display: str | None) -> None:
    shown = {} if display is None else {"DISPLAY": display}
    with waiting({**without_display(), **shown}) as process:
        assert process.wait(PATIENCE) == NO_DISPLAY


def test_it_ends_with_its_display() -> None:
    with x_server() as display:
        environment = {**without_display(), "DISPLAY": display}
        process = subprocess.Popen(COMMAND, env=environment, stdin=subprocess.PIPE)
        time.sleep(2 * AWAKE)
        assert process.poll() is None
    with process:
        assert process.wait(PATIENCE) != 0


def test_what_is_no_question_is_refused(desktop: Desktop) -> None:
    with waiting(desktop.environment) as process:
        put(process, b'{"prompt": 1}\n')
        assert said(process) == b""
        assert process.wait(PATIENCE) == 2


def test_where_the_screen_has_changed_a_new_process_asks(desktop: Desktop) -> None:
    script = """
import sys
from tray.prompt import ready
ready._x11_screen = lambda: (640, 480)
from tray.prompt.process import main
sys.exit(main(["--wait"]))
"""
    with waiting(desktop.environment, (sys.executable, "-P", "-c", script)) as process:
        put(process, encode_request(PIN))
        assert said(process) == b""  # not taken: the agent starts another one
        assert process.wait(PATIENCE) == NO_DISPLAY


# The agent.


@pytest.fixture
def card(make_card: CardFactory, tmp_path: Path) -> Path:
    file = tmp_path / "card.json"
    cardfile.save(file, make_card("gen2").data)
    return file


@pytest.fixture
def agent(desktop: Desktop, card: Path, tmp_path: Path) -> Iterator[RunningAgent]:
    """Start an agent that knows the site."""
    state = tmp_path / "state"
    state.mkdir()
    store = SiteStore(state / "sites.sqlite")
    store.remember(Origin.parse_any(SITE), Decision.ALLOWED)
    store.close()
    with running_agent(state, desktop.environment, "--virtual-card", str(card)) as running:
        yield running


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_waits_while_a_card_is_there_and_answers_one_question(
    desktop: Desktop, agent: RunningAgent, card: Path
) -> None:
    until(lambda: len(agent.prompt_processes()) == 1)
    (first,) = agent.prompt_processes()
    signing = agent.start_call("sign", **DOCUMENT)
    desktop.see()
    assert agent.windows() == [first]
    until(lambda: len(agent.prompt_processes()) == 2)  # the next one is there already
    time.sleep(AWAKE)
    desktop.press(*TEST_PIN, "Return")
    assert signing.result(60)["result"]
    until(lambda: first not in agent.prompt_processes())
    assert len(agent.prompt_processes()) == 1
    card.rename(card.with_suffix(".pulled"))
    until(lambda: not agent.prompt_processes())


def test_a_killed_one_costs_no_request(desktop: Desktop, agent: RunningAgent) -> None:
    until(lambda: len(agent.prompt_processes()) == 1)
    os.kill(int(agent.prompt_processes()[0]), 9)
    signing = agent.start_call("sign", **DOCUMENT)
    desktop.see()
    time.sleep(AWAKE)
    desktop.press("Escape")
    assert code(signing.result(60)) == "user_cancelled"


def test_none_is_left_when_the_agent_is_killed(agent: RunningAgent) -> None:
    until(lambda: len(agent.prompt_processes()) == 1)
    (waits,) = agent.prompt_processes()
    agent.process.kill()
    until(lambda: not Path(f"/proc/{waits}").exists())


def test_it_takes_no_more_memory_than_was_promised(agent: RunningAgent) -> None:
    until(lambda: len(agent.prompt_processes()) == 1)
    (waits,) = agent.prompt_processes()
    until(lambda: sleeps(waits))
    assert private_kib(waits) < MOST_MEMORY

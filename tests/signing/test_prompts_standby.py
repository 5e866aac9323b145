"""The process that waits for a question: one at most, for one question, and none that is lost."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from agent.commands import citizen as citizen_module
from agent.commands.citizen import open_citizen
from agent.consent import standby as standby_module
from agent.consent import window_process
from agent.consent.process import ProcessPrompter
from agent.consent.standby import Standby
from agent.errors import AgentError, ErrorCode
from agent.host.settings.config import QuestionPlace, Settings
from agent.host.settings.policy import Policy
from agent.secret import SecretBytes
from tests.signing.prompt_support import LOCKED, PIN

TYPED = SecretBytes(bytearray(b"246813"))
ANSWERS = "os.write(1, b'pin:246813')"
READY = f"sys.stdin.buffer.readline() or sys.exit(); os.write(1, b'+'); {ANSWERS}"
PATIENCE = 20.0


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim that there is a display, and replace what was taken without a pause."""
    monkeypatch.setenv("DISPLAY", ":no-such-display")
    monkeypatch.setattr(standby_module, "REPLACE_SECONDS", 0.0)
    monkeypatch.setattr(window_process, "TAKE_SECONDS", PATIENCE)


class Room:
    """A prompter whose processes are programs of a few lines, which write down who they are."""

    def __init__(self, folder: Path, waiting: str, fresh: str = "") -> None:
        self._folder = folder
        fresh = fresh or f"sys.stdin.buffer.readline(); {ANSWERS}"
        self.in_windows = True
        self.standby = Standby(self._program("waiting", waiting), self._asks_here)
        self.prompter = ProcessPrompter(self._program("fresh", fresh), standby=self.standby)

    async def _asks_here(self) -> bool:
        return self.in_windows

    def _program(self, kind: str, script: str) -> list[str]:
        log = str(self._folder / kind)
        head = f"import os, sys, time\nopen({log!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        return [sys.executable, "-c", head + textwrap.dedent(script)]

    def begun(self, kind: str) -> list[int]:
        """Return the processes that were started, in their order."""
        path = self._folder / kind
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110  # other processes change it
                await asyncio.sleep(0.01)

    async def waiting(self, count: int = 1) -> int:
        """Return the number of the process that waits, the ``count``-th so far."""
        await self.until(lambda: len(self.begun("waiting")) >= count)
        await self.until(lambda: self.standby._starting is None)  # which may be a moment later
        return self.begun("waiting")[count - 1]

    def alive(self) -> list[int]:
        return [
            pid for kind in ("waiting", "fresh") for pid in self.begun(kind) if not is_gone(pid)
        ]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@asynccontextmanager
async def room(folder: Path, waiting: str = READY, fresh: str = "") -> AsyncIterator[Room]:
    made = Room(folder, waiting, fresh)
    made.standby.want(is_wanted=True)
    try:
        yield made
    finally:
        await made.standby.close()
        assert made.alive() == []


async def test_the_one_that_waits_gets_the_question_and_another_takes_its_place(
    tmp_path: Path,
) -> None:
    async with room(tmp_path) as made:
        first = await made.waiting()
        assert await made.prompter.ask(PIN) == TYPED
        assert is_gone(first)  # one process, one question
        second = await made.waiting(2)
        assert await made.prompter.ask(PIN) == TYPED
        assert first != second
        assert made.begun("fresh") == []


@pytest.mark.parametrize(
    "waiting",
    [
        "sys.exit(0)",
        "sys.exit(3)",
        "sys.stdin.buffer.readline(); sys.exit(0)",
        "sys.stdin.buffer.readline(); os.kill(os.getpid(), 9)",
        "sys.stdin.close(); time.sleep(60)",
        "sys.stdin.buffer.readline(); os.write(1, b'pin:000000')",
        "sys.stdin.buffer.readline(); os.close(1); time.sleep(60)",
        "time.sleep(60)",
    ],
)
async def test_one_that_does_not_take_its_question_loses_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: str
) -> None:
    monkeypatch.setattr(window_process, "TAKE_SECONDS", 0.3)
    monkeypatch.setattr(window_process, "START_SECONDS", 0.0)
    async with room(tmp_path, waiting) as made:
        await made.waiting()
        assert await made.prompter.ask(PIN) == TYPED
        assert len(made.begun("fresh")) == 1


async def test_one_that_was_stopped_is_ended_before_a_new_one_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_process, "TAKE_SECONDS", 0.3)
    monkeypatch.setattr(window_process, "START_SECONDS", 0.0)
    async with room(tmp_path) as made:
        pid = await made.waiting()
        os.kill(pid, signal.SIGSTOP)
        assert await made.prompter.ask(PIN) == TYPED
        assert is_gone(pid)


async def test_one_that_was_killed_while_it_waited_is_not_asked(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        os.kill(await made.waiting(), signal.SIGKILL)
        assert await made.prompter.ask(PIN) == TYPED


async def test_a_window_that_dies_is_not_asked_about_twice(tmp_path: Path) -> None:
    dying = "sys.stdin.buffer.readline(); os.write(1, b'+'); sys.exit(1)"
    async with room(tmp_path, dying) as made:
        await made.waiting()
        with pytest.raises(AgentError) as error:
            await made.prompter.ask(PIN)
        assert error.value.code is ErrorCode.INTERNAL
        assert made.begun("fresh") == []  # the citizen may have typed into the first one


@pytest.mark.parametrize("taken", ["", "os.write(1, b'+');"])
async def test_cancelling_ends_it_whether_it_took_the_question_or_not(
    tmp_path: Path, taken: str
) -> None:
    asked = tmp_path / "asked"
    script = f"sys.stdin.buffer.readline(); {taken} open({str(asked)!r}, 'w'); time.sleep(60)"
    async with room(tmp_path, script) as made:
        pid = await made.waiting()
        asking = asyncio.create_task(made.prompter.ask(PIN))
        await made.until(asked.exists)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert is_gone(pid)
        assert made.begun("fresh") == []


async def test_one_that_ends_by_itself_is_not_started_again_and_again(tmp_path: Path) -> None:
    async with room(tmp_path, "sys.exit(3)") as made:
        await made.until(
            lambda: is_gone(made.begun("waiting")[0]) if made.begun("waiting") else False
        )
        for _ in range(20):
            made.standby.want(is_wanted=True)
            await asyncio.sleep(0.01)
        assert len(made.begun("waiting")) == 1
        made.standby.want(is_wanted=False)  # another card comes
        made.standby.want(is_wanted=True)
        await made.waiting(2)


async def test_without_a_card_none_waits(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        pid = await made.waiting()
        made.standby.want(is_wanted=False)
        await made.until(lambda: is_gone(pid))
        assert await made.prompter.ask(PIN) == TYPED
        assert (len(made.begun("waiting")), len(made.begun("fresh"))) == (1, 1)


async def test_where_a_page_asks_none_waits(tmp_path: Path) -> None:
    """Neither before the citizen wants windows, nor after; nor does one take another's place."""
    async with room(tmp_path) as made:
        made.in_windows = False
        await settled(made)
        assert made.begun("waiting") == []
        made.in_windows = True
        made.standby.look_again()
        pid = await made.waiting()
        await settled(made)
        made.in_windows = False
        made.standby.look_again()
        await made.until(lambda: is_gone(pid))
        made.in_windows = True
        made.standby.look_again()
        await made.waiting(2)
        await settled(made)
        made.in_windows = False
        assert await made.prompter.ask(PIN) == TYPED  # the page could not be shown
        await settled(made)
        assert (len(made.begun("waiting")), made.alive()) == (2, [])


async def test_looking_again_starts_one_at_most_and_none_without_a_card(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        await made.waiting()
        for _ in range(10):
            made.standby.look_again()
            await asyncio.sleep(0)
        await settled(made)
        assert len(made.begun("waiting")) == 1
        made.standby.want(is_wanted=False)
        made.standby.look_again()
        await settled(made)
        assert made.alive() == []


async def settled(made: Room) -> None:
    """Wait until the standby has nothing more to do, and every process has begun or ended."""
    await made.until(lambda: made.standby._starting is None)
    window = made.standby._window
    await made.until(lambda: len(made.alive()) == (0 if window is None else 1))


@pytest.mark.parametrize(
    ("setting", "chosen", "reads", "waits"),
    [
        ("auto", "auto", False, True),
        ("auto", "auto", True, False),
        ("auto", "page", False, False),
        ("auto", "window", True, True),
        ("page", "window", False, False),
        ("window", "page", True, True),
    ],
)
async def test_one_waits_where_setting_choice_and_screen_reader_want_a_window(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: QuestionPlace,
    chosen: QuestionPlace,
    *,
    reads: bool,
    waits: bool,
) -> None:
    async def runs() -> bool:
        return reads

    command = Room(tmp_path, READY)._program("waiting", READY)
    monkeypatch.setattr(citizen_module.screen_reader, "runs", runs)
    monkeypatch.setattr(citizen_module, "prompt_command", lambda: tuple(command))
    settings = Settings(consent="ask", questions=setting)
    citizen = open_citizen(
        settings, Policy(), tmp_path / "sites.sqlite", chosen_place=lambda: chosen
    )
    assert citizen.standby is not None
    citizen.cards_are_there(are_there=True)
    async with asyncio.timeout(PATIENCE):
        while citizen.standby._starting is not None:  # noqa: ASYNC110  # as in Room
            await asyncio.sleep(0.01)
    assert (citizen.standby._window is not None) is waits
    await citizen.close_windows()
    citizen.close()


async def test_cards_that_come_and_go_leave_one(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        for number in range(10):
            made.standby.want(is_wanted=False)
            made.standby.want(is_wanted=True)
            await asyncio.sleep(0.02 * (number % 3))
        await made.waiting()
        await made.until(lambda: len(made.alive()) == 1)


async def test_many_questions_leave_nothing_behind(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        await made.waiting()
        await made.prompter.ask(PIN)
        before = descriptors()
        for _ in range(50):
            with suppress(AgentError):
                await made.prompter.ask(PIN)
            assert len(made.alive()) <= 1  # never do two wait
        await made.until(lambda: len(made.alive()) <= 1)
        assert descriptors() <= before + 4  # of the one that waits


async def test_where_no_program_is_found_the_question_says_so() -> None:
    standby = Standby(["/no/such/program"])
    standby.want(is_wanted=True)
    prompter = ProcessPrompter(["/no/such/program"], standby=standby)
    with pytest.raises(AgentError) as error:
        await prompter.ask(LOCKED)
    assert error.value.code is LOCKED.unshown
    await standby.close()

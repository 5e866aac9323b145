"""The windows' process, played by programs of a few lines: answers, silence, death, no display."""

import asyncio
import os
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from agent.commands import citizen
from agent.consent import process as prompt_process
from agent.consent import window_process
from agent.consent.process import PROMPT_ARGUMENT, ProcessPrompter, prompt_command
from agent.consent.questions import CARD_PULLED, MAX_PIN, NoPrompter, Prompt, SiteAnswer
from agent.consent.wire import NO_DISPLAY, NO_TOOLKIT, encode_request
from agent.errors import AgentError, ErrorCode
from agent.host.settings.config import Settings
from agent.host.settings.policy import Policy
from agent.host.settings.policy_rules import FleetRules
from agent.secret import SecretBytes
from agent.seldom import SeldomLog
from agent.words.language import SYSTEM
from tests.signing.prompt_support import ALL, ALLOW, LAST, LOCKED, PIN, VIEWED


@pytest.fixture(autouse=True)
def a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim that there is a display; nothing here looks at it."""
    monkeypatch.setenv("DISPLAY", ":no-such-display")


def window(script: str, seconds: float = 20.0) -> ProcessPrompter:
    """Play a window by a Python program."""
    head = "import os, sys, time\n"
    return ProcessPrompter([sys.executable, "-c", head + textwrap.dedent(script)], seconds=seconds)


def answering(answer: bytes) -> ProcessPrompter:
    return window(f"sys.stdin.buffer.readline(); os.write(1, {answer!r})")


async def code_of(prompter: ProcessPrompter | NoPrompter, prompt: Prompt[Any]) -> ErrorCode:
    with pytest.raises(AgentError) as error:
        await prompter.ask(prompt)
    return error.value.code


async def test_each_question_gets_its_answer() -> None:
    assert await answering(b"always").ask(ALLOW) is SiteAnswer.ALWAYS
    assert await answering(b"pin:246813").ask(PIN) == SecretBytes(bytearray(b"246813"))
    assert await answering(b"no").ask(LAST) is False
    await answering(b"seen").ask(LOCKED)
    assert await code_of(answering(b"cancel"), PIN) is ErrorCode.USER_CANCELLED


async def test_an_answer_in_pieces_is_one_answer() -> None:
    pieces = window(
        """
        for piece in (b"pi", b"n:24", b"6813"):
            os.write(1, piece)
            time.sleep(0.05)
        """
    )
    assert await pieces.ask(PIN) == SecretBytes(bytearray(b"246813"))


async def test_the_longest_pin_arrives_whole_and_a_longer_one_not_at_all() -> None:
    longest = replace(PIN, min_length=4, max_length=MAX_PIN)
    typed = b"0123456789abcdef" * (MAX_PIN // 16)
    assert await answering(b"pin:" + typed).ask(longest) == SecretBytes(bytearray(typed))
    assert await code_of(answering(b"pin:" + typed + b"x"), longest) is ErrorCode.INTERNAL


async def test_the_process_gets_the_request_and_nothing_else(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f"""
    line = sys.stdin.buffer.readline()
    open({str(told)!r}, "wb").write(line + repr(sys.argv).encode())
    os.write(1, b"seen")
    """
    await window(script).ask(LOCKED)
    assert told.read_bytes() == encode_request(LOCKED) + b"['-c']"


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: type(prompt).__name__)
async def test_without_a_display_each_question_has_its_own_code(
    prompt: Prompt[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for status in (NO_DISPLAY, NO_TOOLKIT):
        gone = window(f"sys.exit({status})")
        assert gone.can_ask()
        assert await code_of(gone, prompt) is prompt.unshown
    assert await code_of(ProcessPrompter(["/no/such/program"]), prompt) is prompt.unshown
    nobody = NoPrompter("there are no windows")
    assert not nobody.can_ask()
    assert await code_of(nobody, prompt) is prompt.unasked
    monkeypatch.delenv("DISPLAY")
    if sys.platform.startswith("linux"):
        assert not answering(b"yes").can_ask()
        assert await code_of(answering(b"yes"), prompt) is prompt.unshown
        assert answering(b"yes").pin_unasked() is ErrorCode.WINDOW_UNAVAILABLE


async def test_what_is_missing_is_logged_once_however_often_a_page_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prompt_process, "_seldom", SeldomLog("test"))
    with capture_logs() as lines:
        for _ in range(3):
            assert await code_of(window(f"sys.exit({NO_TOOLKIT})"), PIN) is PIN.unshown
    assert [line["event"] for line in lines] == ["no window can be shown here"]
    assert "tkinter" in lines[0]["reason"]


def test_no_window_is_the_reason_but_where_another_rule_is_stronger() -> None:
    kinds = {type(prompt).__name__: type(prompt).unshown for prompt in ALL}
    others = {"LastAttempt": ErrorCode.PIN_LAST_ATTEMPT, "Locked": ErrorCode.PIN_LOCKED}
    assert kinds == {name: others.get(name, ErrorCode.WINDOW_UNAVAILABLE) for name in kinds}


@pytest.mark.parametrize(
    "script",
    [
        "sys.exit(0)",
        "sys.exit(1)",
        "os.kill(os.getpid(), 9)",
        "os.write(1, b'nonsense')",
        "os.write(1, b'pin:' + b'1' * 1000)",
        "sys.stdin.close(); os.write(1, b'')",
    ],
)
async def test_a_window_that_misbehaves_is_an_error_that_no_page_can_use(script: str) -> None:
    assert await code_of(window(script), PIN) is ErrorCode.INTERNAL


async def test_a_window_that_nobody_answers_closes(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    script = f"sys.stdin.buffer.readline(); sys.stdin.read(); open({str(ended)!r}, 'w')"
    assert await code_of(window(script, seconds=1.0), PIN) is ErrorCode.TIMEOUT
    assert ended.exists()  # by itself, because its standard input closed


async def test_cancelling_closes_the_window(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = f"""
    sys.stdin.buffer.readline()
    open({str(pid)!r}, "w").write(str(os.getpid()))
    sys.stdin.read()
    """
    asking = asyncio.create_task(window(script).ask(PIN))
    await asyncio.to_thread(until_written, pid)
    asking.cancel(CARD_PULLED)
    with pytest.raises(asyncio.CancelledError) as caught:
        await asking
    assert caught.value.args == (CARD_PULLED,)  # whoever asked may look at why
    assert is_gone(int(pid.read_text()))


async def test_a_window_that_does_not_close_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_process, "END_SECONDS", 0.1)
    pid = tmp_path / "pid"
    stubborn = f"open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    asking = asyncio.create_task(window(stubborn).ask(PIN))
    await asyncio.to_thread(until_written, pid)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert is_gone(int(pid.read_text()))


async def test_many_windows_leave_no_descriptor_open() -> None:
    await answering(b"seen").ask(LOCKED)
    before = descriptors()
    for _ in range(5):
        await answering(b"seen").ask(LOCKED)
    assert descriptors() <= before


def test_the_installed_program_is_its_own_window(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prompt_command() == (sys.executable, "-P", "-m", "tray.prompt.process")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert prompt_command() == (sys.executable, PROMPT_ARGUMENT)


def until_written(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not (path.exists() and path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_documents_are_shown_as_often_as_the_citizen_likes_before_they_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    prompter = window("os.write(1, b'??'); time.sleep(0.1); os.write(1, b'?pin:246813')")
    monkeypatch.setattr(prompter, "_view", shown.append)
    assert await prompter.ask(VIEWED) == SecretBytes(bytearray(b"246813"))
    assert shown == ["ab" * 16] * 3
    shown.clear()
    assert await prompter.ask(PIN) == SecretBytes(bytearray(b"246813"))
    assert shown == []  # it has none that could be shown


async def test_who_reads_a_document_has_more_time() -> None:
    script = "os.write(1, b'?'); sys.stdin.buffer.readline(); time.sleep(1); os.write(1, b'cancel')"
    read = ProcessPrompter([sys.executable, "-c", f"import os, sys, time; {script}"], seconds=0.9)
    assert await code_of(read, VIEWED) is ErrorCode.USER_CANCELLED


async def test_the_window_gets_the_line_of_the_policy_that_is_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time as the policy is then, which is read again while the agent runs."""
    told = tmp_path / "told"
    script = f"""
import os, sys
open({str(told)!r}, "wb").write(sys.stdin.buffer.readline())
os.write(1, b"seen")
"""
    monkeypatch.setattr(citizen, "prompt_command", lambda: (sys.executable, "-c", script))
    monkeypatch.setattr(citizen, "has_display", lambda: False)  # none waits already
    policy = Policy()
    settings = Settings(questions="window")
    with closing(citizen.open_citizen(settings, policy, tmp_path / "sites.sqlite")) as asked:
        for line in ("", "分機 1234"):
            policy.take_over(Policy(fleet=FleetRules(consent_text=line)))
            await asked.prompter.ask(LOCKED)
            assert told.read_bytes() == encode_request(LOCKED, SYSTEM, line)

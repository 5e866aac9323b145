"""Have the prompt process say what a page shows of a question, instead of opening a window."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import Final, TypeVar

from agent.consent.page import QuestionPage, read_page
from agent.consent.questions import Prompt, unshown
from agent.consent.wire import encode_request

A = TypeVar("A")
_SECONDS: Final = 15.0
"""For the words of a question; 256 names that are slow to judge take some two."""
_NO_WORDS: Final = "the words of the question's page cannot be had"


async def describe(
    command: Sequence[str], prompt: Prompt[A], language: str, administrator: str = ""
) -> QuestionPage:
    """Return what a page says to ask a question.

    Args:
        command: that starts the prompt process.
        prompt: the question.
        language: that the citizen chose, as a BCP 47 tag or "system".
        administrator: the line that the administrator has us show; empty for none.

    Raises:
        UnaskedError: with the prompt's own code: the process does not say it.

    """
    request = encode_request(prompt, language, administrator, as_page=True)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        )
    except OSError as error:
        raise unshown(prompt, _NO_WORDS) from error
    try:
        async with asyncio.timeout(_SECONDS):
            said, _ = await process.communicate(request)
    except TimeoutError as error:
        raise unshown(prompt, _NO_WORDS) from error
    finally:
        await _end(process)
    try:
        return read_page(said)
    except ValueError as error:
        raise unshown(prompt, _NO_WORDS) from error


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

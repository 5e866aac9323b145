"""Ways to send a one-time code."""

import asyncio
import json
from collections.abc import Sequence
from typing import Final, Protocol

from agent.portal.contact import Contact
from agent.words import Language
from agent.words.language import FIRST

_TIMEOUT_S: Final = 20


class NotifierError(Exception):
    """The code could not be sent."""


class Notifier(Protocol):
    """Sends to mobile numbers and mailboxes."""

    async def send(self, contact: Contact, code: str, language: Language = FIRST) -> None:
        """Send the six digits; the answer to the page waits for it.

        Args:
            contact: where to.
            code: what.
            language: of what is said around it.

        Raises:
            NotifierError: they could not be sent.

        """


class ProgramNotifier:
    """Starts the operator's program for each code; one JSON object on its standard input.

    ``{"kind":"mobile"|"email","contact":"…","code":"123456"}``; exit status 0 says that it is on
    its way. Nothing of it is in the program's arguments, where other processes could read it.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        """Take the program and its arguments."""
        self._argv = tuple(argv)

    async def send(
        self,
        contact: Contact,
        code: str,
        language: Language = FIRST,  # noqa: ARG002  # the program has words of its own
    ) -> None:
        """Run the program once.

        Raises:
            NotifierError: it does not exist, fails, or takes longer than 20 seconds.

        """
        message = {"kind": contact.kind.value, "contact": contact.value, "code": code}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            raise NotifierError(type(error).__name__) from error
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await process.communicate(json.dumps(message).encode())
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise NotifierError("timeout") from error
        if process.returncode != 0:
            raise NotifierError(f"exit status {process.returncode}")

"""An agent under test: its provider, its answers and its control, put together.

:mod:`agent.commands` opens one where ``--test-control`` or ``--answers`` says so.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.errors import AgentError
from agent.files import read_file
from agent.testkit.card_bench import CardBench
from agent.testkit.control_calls import AgentUnderTest, ControlCalls
from agent.testkit.control_server import ControlServer, spki_of
from agent.testkit.mistakes import MAX_BODY
from agent.testkit.rules import RuleBook, read_rules
from agent.testkit.scripted_prompter import ScriptedPrompter
from agent.transport.base import CardProvider
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.provider import VirtualProvider

KEY_SIZE = 2048
"""Bits of a new authority's keys: of 4096 they would take seconds to make."""


class AgentTesting:
    """What makes an agent one under test; for one run.

    Attributes:
        listens: whether there is a control.
        prompter: answers in the citizen's place.

    """

    def __init__(self, make_provider: Callable[[], CardProvider], *, listens: bool) -> None:
        """Begin without rules.

        Args:
            make_provider: opens virtual readers.
            listens: whether there is a control.

        """
        self.listens = listens
        self.prompter = ScriptedPrompter(
            RuleBook(), lambda card: None if self._bench is None else self._bench.pin_of(card)
        )
        self._make_provider = make_provider
        self._bench: CardBench | None = None
        self._server: ControlServer | None = None
        self._issuer: Path | None = None

    def read_answers(self, path: Path) -> None:
        """Take the rules of a file; blocks.

        Raises:
            OSError: it cannot be read.
            RefusedControlError: it holds no rules; ``path`` names the field.

        """
        # Testers may keep it elsewhere, and link to it.
        self.prompter.rules.replace(read_rules(read_file(path, MAX_BODY, follow_links=True)))

    def use_issuer(self, folder: Path) -> None:
        """Let new cards be of the authority in ``folder``; a new one where there is none."""
        self._issuer = folder

    def open_provider(self) -> CardProvider:
        """Open the readers, and take hold of them.

        Raises:
            AgentError: they are not virtual, or a file is no virtual card.

        """
        provider = self._make_provider()
        if not isinstance(provider, VirtualProvider):
            provider.close()
            raise AgentError("only an agent with virtual cards can be under test")
        self._bench = CardBench(provider, self._open_issuer)
        return provider

    def _open_issuer(self) -> TestIssuer:
        if self._issuer is None:
            return TestIssuer.create(KEY_SIZE)
        return DirectoryIssuer.open(self._issuer, KEY_SIZE)

    async def open(self, agent: AgentUnderTest, leaf: Path) -> dict[str, Any]:
        """Open the control, if there is one, after the provider was opened.

        Args:
            agent: the running one.
            leaf: PEM file of the certificate that it serves with.

        Returns:
            What the agent says of it when it is ready: ``control`` with ``url``, ``token`` and
            ``spki``; nothing without one.

        Raises:
            OSError: no port is free, or the certificate cannot be read.

        """
        if not self.listens or self._bench is None:
            return {}
        self._server = ControlServer(ControlCalls(self._bench, self.prompter, agent).routes())
        url = await self._server.open()
        return {"control": {"url": url, "token": self._server.token, "spki": spki_of(leaf)}}

    async def close(self) -> None:
        """Close the control."""
        if self._server is not None:
            await self._server.close()

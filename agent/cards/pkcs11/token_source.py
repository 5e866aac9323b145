"""The tokens of all modules: a source of readers beside PC/SC, of verbs and not of bytes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from agent.cards.card import Card
from agent.cards.pkcs11.cryptoki_types import TokenFlag
from agent.cards.pkcs11.module_client import ModuleFile, TokenModule, TokenRefusalError
from agent.cards.pkcs11.token_card import TokenCard
from agent.cards.pkcs11.token_wire import ListSlots, SlotList, TokenState
from agent.errors import AgentError
from agent.transport.reader_names import shown_names

_ROOM: Final = 60
"""Bytes of a slot's description, from which on a reader's name may have been cut for it."""


@dataclass(frozen=True, slots=True)
class TokenSlot:
    """A token in a slot of a module.

    Attributes:
        name: of the slot among all readers: printable, at most 127 bytes UTF-8.
        module: the place of the module in the source.
        state: as the module told it last.

    """

    name: str
    module: int
    state: TokenState

    @property
    def has_keypad(self) -> bool:
        """Whether its PIN is typed on the reader, and only there."""
        return bool(self.state.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH)

    @property
    def is_same(self) -> tuple[int, int, bytes]:
        """What stays while the same token is in the same slot."""
        return self.module, self.state.slot, self.state.identity

    def is_in(self, reader: str) -> bool:
        """Return whether the slot is a reader of PC/SC, by the reader's name.

        A slot's description begins with it, or is as much of it as there is room for. That of
        "Reader 10" does not begin with "Reader 1".
        """
        shown = self.state.description.rstrip(b" \0")
        name = reader.encode()
        is_cut = len(shown) >= _ROOM and name.startswith(shown)
        is_whole = shown.startswith(name) and not shown[len(name) :][:1].isalnum()
        return is_cut or is_whole


class TokenSource:
    """Modules and their tokens; its methods block, and are for any thread."""

    def __init__(self, modules: Sequence[TokenModule]) -> None:
        self._modules = tuple(modules)

    @classmethod
    def of(cls, files: Sequence[ModuleFile]) -> "TokenSource":
        """Make the source of some modules; none is started before it is asked something."""
        return cls([TokenModule(file) for file in files])

    @property
    def modules(self) -> tuple[ModuleFile, ...]:
        """The files, in the order of the settings."""
        return tuple(module.file for module in self._modules)

    def is_busy(self, module: int) -> bool:
        """Return whether a module has something to do: it is not to be asked meanwhile."""
        return self._modules[module].is_busy

    def look(self, module: int) -> tuple[TokenState, ...]:
        """Ask a module which tokens there are.

        Args:
            module: its place in :attr:`modules`.

        Raises:
            AgentError: the module failed.

        """
        try:
            return self._modules[module].ask(ListSlots(), SlotList).tokens
        except TokenRefusalError as error:
            raise AgentError(error.detail, code=error.code) from error

    def named(self, found: Sequence[tuple[int, TokenState]]) -> tuple[TokenSlot, ...]:
        """Name the slots of all modules, so that each has a name of its own.

        Args:
            found: each with the place of its module.

        """
        names = shown_names([_slot_name(self.modules[place], state) for place, state in found])
        return tuple(
            TokenSlot(name, place, state) for name, (place, state) in zip(names, found, strict=True)
        )

    @contextmanager
    def open(self, slot: TokenSlot) -> Iterator[Card]:
        """Give the token in a slot for one operation."""
        card = TokenCard(self._modules[slot.module], slot.state)
        try:
            yield card
        finally:
            card.close()

    def rest(self) -> None:
        """End every process once it has done what it is at; the next request starts it again."""
        for module in self._modules:
            module.rest()

    def close(self) -> None:
        """End every process, also in the middle of a request."""
        for module in self._modules:
            module.close()


def _slot_name(file: ModuleFile, state: TokenState) -> bytes:
    description = state.description.strip(b" \0") or b"-"
    return description + f" ({file.name})".encode()

"""What a test holds in its hands: an agent, its reader, and cards in files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.testkit.control_client import ControlCallError, ControlClient, quoted

UNANSWERED: Final = "unanswered"


@dataclass(frozen=True, slots=True)
class CardFile:
    """A virtual card in a file, of an invented person.

    Attributes:
        path: of the file.
        serial: the card's number, 16 characters.
        generation: "gen1" or "gen2".
        pin: right PIN.
        name: of the holder.
        id_number: the holder's.

    """

    path: Path
    serial: str
    generation: str
    pin: str
    name: str
    id_number: str


@dataclass(frozen=True, slots=True)
class CardState:
    """What a card says of itself now, and what was done with it since the test began.

    Attributes:
        serial: the card's number.
        generation: "gen1" or "gen2".
        name: of the holder.
        id_number: the holder's.
        reader: which it is in; None when it was pulled.
        pin: right PIN.
        tries_left: PIN attempts before it locks, 0 to 3.
        verifies: PINs that it was shown.
        wrong_pins: those of them that cost an attempt.
        signatures: of its signing key.
        decryptions: of its other key.
        commands: that it was sent.

    """

    serial: str
    generation: str
    name: str
    id_number: str
    reader: str | None
    pin: str
    tries_left: int
    verifies: int
    wrong_pins: int
    signatures: int
    decryptions: int
    commands: int


@dataclass(slots=True)
class AgentHandle:
    """A running agent that answers as the test says.

    Attributes:
        port: of the native API, HTTPS.
        hipki_port: of existing pages, plain HTTP.
        spki: base64 SHA-256 of its TLS key.
        control: everything else that can be asked of it.
        fails_when_unanswered: whether a question that no rule answers fails the test at its end.

    """

    port: int
    hipki_port: int
    spki: str
    control: ControlClient
    fails_when_unanswered: bool = True

    @property
    def url(self) -> str:
        """Address of the native API."""
        return f"https://localhost:{self.port}"

    @property
    def ports(self) -> dict[str, object]:
        """What the page kit takes as its options ``ports`` and ``pingPort``."""
        return {"ports": [self.port], "pingPort": self.hipki_port}

    @property
    def readers(self) -> tuple["ReaderHandle", ...]:
        """Its readers, the first one first."""
        found = self.control.call("GET", "readers")["readers"]
        return tuple(ReaderHandle(self.control, each["name"]) for each in found)

    def insert(self, card: CardFile | Path | str | None = None, **wanted: Any) -> CardState:
        """Put a card into the first reader, in place of the one that is there.

        Args:
            card: of a file, or its path; None for what ``wanted`` says.
            wanted: ``scenario``, or fields of a new card: ``generation``, ``name``, ``id_number``,
                ``pin``, ``validity``, ``tries_left``; nothing for the card that was pulled last.

        Raises:
            ControlCallError: there can be no such card.

        """
        reader = self.readers[0]
        if reader.serial is not None:
            reader.pull()
        return reader.insert(card, **wanted)

    def pull(self) -> CardState:
        """Pull the card out of the first reader.

        Raises:
            ControlCallError: it is empty.

        """
        return self.readers[0].pull()

    def answer(self, kind: str, answer: object, **more: Any) -> None:
        """Add a rule behind those that there are; the first that fits answers.

        Args:
            kind: ``allow_site``, ``blind``, ``enter_pin``, ``last_try``, ``locked`` or
                ``choose_card``.
            answer: a word, ``{"pin": …}`` or ``{"reader": …}``.
            more: ``site``, ``after_ms`` and ``times``.

        Raises:
            ControlCallError: that is no rule.

        """
        self._set_rules(lambda rules, rule: [*rules, rule], kind, answer, more)

    def allow(self, origin: str) -> None:
        """Let a site use the card, whatever other rules say; errors as of :meth:`answer`."""
        self._set_rules(
            lambda rules, rule: [rule, *rules], "allow_site", "always", {"site": origin}
        )

    def _set_rules(self, placed: Any, kind: str, answer: object, more: dict[str, Any]) -> None:
        rules = self.control.call("GET", "answers")["answers"]
        rule = {"kind": kind, "answer": answer, **more}
        self.control.call("PUT", "answers", placed(rules, rule))

    @property
    def questions(self) -> list[dict[str, Any]]:
        """What was asked since the test began, the oldest first."""
        found: list[dict[str, Any]] = self.control.call("GET", "questions")["questions"]
        return found

    @property
    def unanswered(self) -> list[dict[str, Any]]:
        """The questions that no rule answered."""
        return [each for each in self.questions if each["answer"] == UNANSWERED]

    def requests(self, origin: str | None = None) -> list[dict[str, Any]]:
        """Return what pages asked for since the test began; shapes, without any content.

        Args:
            origin: of which site alone.

        """
        query = "" if origin is None else f"?origin={quoted(origin)}"
        found: list[dict[str, Any]] = self.control.call("GET", f"requests{query}")["requests"]
        return found

    def replay(self, origin: str, method: str, shape: Mapping[str, Any]) -> str:
        """Send a recorded request again, with dummies in place of its content.

        Args:
            origin: of the page.
            method: of the native API.
            shape: as it was recorded; a PIN is that of the card in the first reader.

        Returns:
            "ok", or the code of the error.

        Raises:
            OtherAgentError: at its port is another program.

        """
        from agent.testkit import replay  # noqa: PLC0415  # heavy, and few tests need it

        reader = self.readers[0]
        typed = "" if reader.serial is None else reader.card.pin
        return replay.send(self.port, self.spki, origin, method, replay.filled(shape, typed))

    def reset(self) -> None:
        """Put everything back to how it was when the agent started."""
        self.control.call("POST", "reset")


@dataclass(frozen=True, slots=True)
class ReaderHandle:
    """One reader of an agent.

    Attributes:
        name: as pages see it.

    """

    control: ControlClient = field(repr=False)
    name: str

    @property
    def serial(self) -> str | None:
        """The number of the card in it; None when it is empty."""
        found = self.control.call("GET", "readers")["readers"]
        serials: dict[str, str | None] = {each["name"]: each["serial"] for each in found}
        return serials[self.name]

    @property
    def card(self) -> CardState:
        """What the card in it says of itself now.

        Raises:
            ControlCallError: it is empty.

        """
        serial = self.serial
        if serial is None:
            raise ControlCallError(404, "there is no card in this reader", "")
        return CardState(**self.control.call("GET", f"cards/{quoted(serial)}"))

    def insert(self, card: CardFile | Path | str | None = None, **wanted: Any) -> CardState:
        """Put a card in, where there is none; as :meth:`AgentHandle.insert`."""
        body: dict[str, Any] = {}
        if card is not None:
            path = card.path if isinstance(card, CardFile) else Path(card)
            body["file"] = str(path.absolute())  # the agent works in another folder
        elif "scenario" in wanted or "serial" in wanted:
            body |= wanted
        elif wanted:
            body["order"] = wanted
        return CardState(**self.control.call("POST", f"{self._path}/insert", body))

    def pull(self) -> CardState:
        """Pull the card, also in the middle of a command.

        Raises:
            ControlCallError: it is empty.

        """
        return CardState(**self.control.call("POST", f"{self._path}/pull"))

    def hold(self, *, held: bool = True) -> None:
        """Let another program have the card for itself, or no longer."""
        self.control.call("POST", f"{self._path}/hold", {"held": held})

    def change(self, *, tries_left: int | None = None, **faults: Any) -> CardState:
        """Change the card in it.

        Args:
            tries_left: PIN attempts, 0 to 3; None to leave them.
            faults: ``remove_at``, ``drop_at`` (the next command is 1), ``rsa_delay_ms``,
                ``max_read``, ``foreign`` and ``mute``.

        Raises:
            ControlCallError: it is empty, or there is no such fault.

        """
        body: dict[str, Any] = {} if tries_left is None else {"tries_left": tries_left}
        if faults:
            body["faults"] = faults
        return CardState(**self.control.call("PATCH", f"cards/{quoted(self.serial or '')}", body))

    @property
    def _path(self) -> str:
        return f"readers/{quoted(self.name)}"

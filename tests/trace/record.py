"""Record the traces anew: ``python tests/trace/record.py [KIND…]``, after a change that is meant.

The card is a virtual one with an invented holder; its PIN and keys are worth nothing, and chance
is taken out, so that the same program says the same bytes again.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from agent.cards.card import ID_SIGN, CardDriver
from agent.cards.citizen import gen1, gen2
from agent.cards.citizen.card import CitizenDriver
from agent.cards.memory import CardMemory
from agent.cards.piv.card import PivDriver
from agent.cms.digest import HashAlgorithm
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.transport.base import Connection
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import Generation
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.provider import READER_NAME, VirtualProvider

FOLDER = Path(__file__).parent / "recorded"
PIN = "123456"
CONTENT = b"what was signed when this was recorded"
CITIZENS = {"gen1": gen1.Gen1Card, "gen2": gen2.Gen2Card}
KINDS = (*CITIZENS, "piv")


def fixed_bytes(length: int) -> bytes:
    """Stand in for chance."""
    return bytes(range(length))


def new_driver(generation: str) -> CardDriver:
    """Return a driver that has seen no card yet."""
    kind = CITIZENS.get(generation)
    return PivDriver(CardMemory()) if kind is None else CitizenDriver(kind, CardMemory())


def sign(driver: CardDriver, connection: Connection) -> bytes:
    digest = HashAlgorithm.SHA256.digest(CONTENT)
    with driver.open(connection) as card:
        next(card.certificates_of(ID_SIGN))
        (signature,) = card.sign(
            ID_SIGN, SecretBytes.from_text(PIN), [(HashAlgorithm.SHA256, digest)]
        )
    return signature


class Recorder:
    """A connection that writes down what passes."""

    def __init__(self, inner: Connection) -> None:
        self._inner = inner
        self.lines: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        data, sw = self._inner.transmit(command)
        parsed = CommandApdu.parse(bytes(command))
        head = f"{parsed.cla:02X} {parsed.ins:02X} {parsed.p1:02X} {parsed.p2:02X}"
        self.lines += [f"# {head}", f"> {bytes(command).hex()}", f"< {data.hex()}{sw:04x}"]
        return data, sw


def main(*kinds: str) -> None:
    gen1.secrets.token_bytes = fixed_bytes  # type: ignore[assignment]
    gen2.secrets.token_bytes = fixed_bytes  # type: ignore[assignment]
    issuer = TestIssuer.create()
    FOLDER.mkdir(exist_ok=True)
    for name in kinds or KINDS:
        order = Order(Generation(name), "王測試", generate_id_number(0), PIN.encode())
        card = VirtualCard(personalise(order, issuer))
        provider = VirtualProvider()
        reader = READER_NAME.format(0)
        provider.insert(reader, card)
        driver = new_driver(name)
        for trace in ("first", "remembered"):
            recorder = Recorder(provider.open(reader))
            sign(driver, recorder)  # type: ignore[arg-type]
            (FOLDER / f"{name}-sign-{trace}.txt").write_text("\n".join(recorder.lines) + "\n")
        recorder = Recorder(provider.open(reader))
        with new_driver(name).open(recorder) as card_read:  # type: ignore[arg-type]
            card_read.certificates()
        (FOLDER / f"{name}-certificates.txt").write_text("\n".join(recorder.lines) + "\n")
        provider.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Record the traces anew: ``python tests/trace/record.py``, after a change that is meant.

The card is a virtual one with an invented holder; its PIN and keys are worth nothing, and chance
is taken out, so that the same program says the same bytes again.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from agent.cards import gppki, hicos
from agent.cards.card import CardDriver
from agent.cards.memory import CardMemory
from agent.cards.pkcs15 import ID_SIGN
from agent.cms.digest import HashAlgorithm
from agent.iso7816.command import CommandApdu
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
DRIVERS: dict[str, type[CardDriver]] = {
    "gen1": hicos.HicosDriver,
    "gen2": gppki.GppkiDriver,
}


def fixed_bytes(length: int) -> bytes:
    """Stand in for chance."""
    return bytes(range(length))


def sign(driver: CardDriver, connection: Connection) -> bytes:
    digest_info = HashAlgorithm.SHA256.digest_info(HashAlgorithm.SHA256.digest(CONTENT))
    pin = SecretBytes.from_text(PIN)
    return driver.sign(connection, ID_SIGN, pin, lambda _s, _c: [digest_info]).results[0]


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


def main() -> None:
    hicos.secrets.token_bytes = fixed_bytes  # type: ignore[assignment]
    gppki.secrets.token_bytes = fixed_bytes  # type: ignore[assignment]
    issuer = TestIssuer.create()
    FOLDER.mkdir(exist_ok=True)
    for name, driver_class in DRIVERS.items():
        order = Order(Generation(name), "王測試", generate_id_number(0), PIN.encode())
        card = VirtualCard(personalise(order, issuer))
        provider = VirtualProvider()
        reader = READER_NAME.format(0)
        provider.insert(reader, card)
        driver = driver_class(CardMemory())
        for trace in ("first", "remembered"):
            recorder = Recorder(provider.open(reader))
            sign(driver, recorder)  # type: ignore[arg-type]
            (FOLDER / f"{name}-sign-{trace}.txt").write_text("\n".join(recorder.lines) + "\n")
        recorder = Recorder(provider.open(reader))
        driver_class(CardMemory()).certificates(recorder)  # type: ignore[arg-type]
        (FOLDER / f"{name}-certificates.txt").write_text("\n".join(recorder.lines) + "\n")
        provider.close()


if __name__ == "__main__":
    main()

"""The host's end of the wire, for tests: written by hand, or borrowed from the agent's own code."""

from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.secure_messaging.protected_verify import verify_command
from agent.secure_messaging.scp03 import Scp03Session, derive_keys
from agent.virtualcard.card import VirtualCard

IV = bytes.fromhex("0102030405060708")
HOST_CHALLENGE = bytes.fromhex("D405EC4CDC43CF8D")
AID = "A0000002830000062201696400010101"
SELECT_APPLET = f"00A4040C10{AID}00"
SUCCESS = 0x9000


class Wire:
    """A powered card, spoken to in hexadecimal."""

    def __init__(self, card: VirtualCard) -> None:
        self.card = card
        card.power_on()

    def send(self, command: str | bytes) -> tuple[bytes, int]:
        raw = bytes.fromhex(command) if isinstance(command, str) else command
        response = self.card.process(raw)
        return response[:-2], int.from_bytes(response[-2:], "big")

    def sw(self, command: str | bytes) -> int:
        return self.send(command)[1]

    def read(self, *path: str, le: int = 200, cla: str = "80") -> bytes:
        """Select along ``path`` and read the whole file."""
        for fid in path:
            select = f"80A4000002{fid}" if cla == "80" else f"00A4000402{fid}00"
            assert self.sw(select) == SUCCESS, fid
        content = b""
        while True:
            piece, sw = self.send(f"{cla}B0{len(content):04X}{le % 256:02X}")
            content += piece
            if sw != SUCCESS:
                assert sw in (0x6282, 0x6B00)
                return content


class Gen1Wire(Wire):
    """A gen1 card."""

    def enter_keys(self) -> None:
        for fid in ("3F00", "5030", "0810"):
            assert self.sw(f"80A4000002{fid}") == SUCCESS

    def verify(self, pin: str) -> int:
        return self.sw(protected(pin))

    def sign(self, block: bytes, reference: int = 1) -> bytes:
        assert self.send(f"80EA82{reference:02X}80{block[:128].hex()}") == (b"", SUCCESS)
        first, sw = self.send(f"80EA02{reference:02X}80{block[128:].hex()}")
        assert sw == SUCCESS
        last, sw = self.send("80C1008080")
        assert sw == SUCCESS
        return first + last


class Gen2Wire(Wire):
    """A gen2 card, with a channel that the agent's own code keeps."""

    def select_applet(self) -> None:
        assert self.sw(SELECT_APPLET) == SUCCESS

    def start_channel(self) -> CommandApdu:
        """Send INITIALIZE UPDATE; return the EXTERNAL AUTHENTICATE that would be right."""
        self.select_applet()
        keys = derive_keys(self.card.data.channel_id)
        self.session = Scp03Session(keys, HOST_CHALLENGE)
        response, sw = self.send(self.session.initialize_update().encode())
        assert sw == SUCCESS
        return self.session.external_authenticate(response)

    def open_channel(self) -> None:
        assert self.sw(self.start_channel().encode()) == SUCCESS

    def secure(self, cla: int, head: str, data: bytes = b"", le: int | None = None) -> bytes:
        """Wrap a command; ``head`` is INS, P1 and P2 in hexadecimal."""
        ins, p1, p2 = bytes.fromhex(head)
        return self.session.wrap(CommandApdu(cla, ins, p1, p2, data, le)).encode()

    def enter_keys(self) -> None:
        for fid in ("5030", "0810"):
            command = self.secure(0x00, "A40004", bytes.fromhex(fid), 256)
            assert self.sw(command) == SUCCESS

    def verify(self, pin: str) -> int:
        return self.sw(self.secure(0x00, "200001", pin.encode().ljust(10, b"\xff")))

    def sign(self, block: bytes, reference: int = 1) -> bytes:
        head = f"EA82{reference:02X}"
        assert self.sw(self.secure(0x80, head, block[:128])) == SUCCESS
        head = f"EA02{reference:02X}"
        first, sw = self.send(self.secure(0x80, head, block[128:], 128))
        assert sw == SUCCESS
        last, sw = self.send(self.secure(0x80, "C10080", le=128))
        assert sw == SUCCESS
        return first + last


def protected(pin: str, iv: bytes = IV) -> bytes:
    """Build the protected VERIFY of a gen1 card with the agent's own code."""
    return bytes(verify_command(SecretBytes.from_text(pin), iv).buffer)


def signature_block(payload: bytes) -> bytes:
    """Pad as PKCS#1 type 1, to 256 bytes."""
    return b"\x00\x01" + b"\xff" * (253 - len(payload)) + b"\x00" + payload

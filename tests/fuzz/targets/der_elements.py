"""DER and BER, before any parser of ASN.1 sees it."""

from collections.abc import Iterator

from agent.cms.der import children, element, require_ber, require_der, to_der
from agent.cms.errors import CmsError
from tests.fuzz.examples import root

REFUSALS = (CmsError,)
WORDS = (b"\x30\x80", b"\x00\x00", b"\x24\x80\x04\x01a", b"\x30\x84\x7f\xff\xff\xff", b"\x31\x00")
LONGEST = 70_000


def one(data: bytes) -> int:
    require_ber(data, max_size=LONGEST)
    written = to_der(data)
    require_der(written, max_size=2 * LONGEST)
    assert to_der(written) == written
    return len(children(data)) if data[0] & 0x20 and data[1] != 0x80 else -1


def seeds() -> Iterator[tuple[bytes, int]]:
    yield root(), 3
    yield b"\x30\x80" + element(2, b"\x01") + b"\x24\x80\x04\x01a\x04\x01b\x00\x00\x00\x00", -1

"""Octets that are long, or deep, and cost a careless reader its stack, its memory or an hour."""

import gzip
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

DEPTHS: Final = (60, 250, 320, 480, 900, 960, 980, 990, 1000, 5000, 100_000)
"""How deep things are nested: around where Python's own bound may be met, and far beyond it."""
LONG: Final = 60_000


def _nested(
    before: bytes, inside: bytes, after: bytes, lead: bytes = b"", end: bytes = b""
) -> Iterator[bytes]:
    for depth in DEPTHS:
        yield lead + before * depth + inside + after * depth + end


def _json() -> Iterator[bytes]:
    yield from _nested(b"[", b"", b"]")
    yield from _nested(b'{"a":', b"1", b"}")
    for lead in (
        b'{"MethodSelect":"GetVersion","a":',
        b'{"MethodSelect":"a","DigestAlg":',
        b'{"id":1,"method":"sign","params":',
        b'{"id":',
        b'{"policies":',
        b'{"kid":',
        b'{"log":{"entries":[{"request":',
        b'{"prompt":{"type":"AllowSite","site":',
    ):
        yield from _nested(b"[", b"", b"]", lead, b"}" * (lead.count(b"{")))


def _twice() -> Iterator[bytes]:
    """Two equal values that are deep: whoever compares them goes down as far as who read them."""
    for depth in range(700, 1000, 1):
        deep = b"[" * depth + b"]" * depth
        yield b'{"MethodSelect":"a","Data":{"a":%b},"Pro":{"a":%b}}' % (deep, deep)


def _toml() -> Iterator[bytes]:
    yield from _nested(b"[", b"", b"]", b"allowed = ")
    yield from _nested(b"{a=", b"1", b"}", b"other_sites = ")
    yield b"a." * LONG + b"a = 1"
    yield b"[" + b"a." * LONG + b"a]"


def _plist() -> Iterator[bytes]:
    for name in (b"allowed", b"other_sites", b"CFBundleVersion", b"events", b"x"):
        lead = b"<plist><dict><key>%b</key>" % name
        yield from _nested(b"<array>", b"", b"</array>", lead, b"</dict></plist>")
        yield from _nested(b"<dict><key>a</key>", b"<true/>", b"</dict>", lead, b"</dict></plist>")
    yield b"<plist><integer>%b</integer></plist>" % (b"9" * LONG)
    yield b"<plist><dict><key>allowed</key><integer>%b</integer></dict></plist>" % (b"9" * 4000)
    yield b"<plist><dict><key>allowed</key><integer>-0x%b</integer></dict></plist>" % (b"f" * 6000)


def _elements() -> Iterator[bytes]:
    for depth in DEPTHS:
        inner = b""
        for _ in range(min(depth, 16_000)):
            size = len(inner)
            length = bytes((size,)) if size < 128 else b"\x82" + struct.pack(">H", size)
            inner = b"\x30" + length + inner
            if len(inner) > LONG:
                break
        yield inner
    yield from _nested(b"\x30\x80", b"", b"\x00\x00")
    yield from _nested(b"\x24\x80", b"\x04\x01a", b"\x00\x00")
    yield b"\x30\x83\x00\xea\x60" + b"\x30\x00" * 30_000
    yield b"\x30\x83\x00\xea\x60" + b"\x02\x01\x00" * 20_000
    yield b"\x30\x80" + b"\x04\x00" * 30_000 + b"\x00\x00"
    yield b"\x06\x83\x00\xea\x60" + b"\x81" * LONG
    yield b"\x02\x83\x00\xea\x60" + b"\x7f" * LONG
    yield b"\xe7" + b"\x30\x00" * 30_000
    yield b"\x01" + b"\x30\x82\xff\xff" + bytes(LONG)


_PIECES: Final = (
    b"a",
    b"9",
    b" ",
    b"\t",
    b"\n",
    b"%",
    b"%2",
    b"%41",
    b"%e7",
    b'"',
    b"\\",
    b'\\"',
    b"\\u",
    b"\\ud800",
    b"=",
    b"A=",
    b".",
    b"-",
    b"/",
    b":",
    b"[",
    b"{",
    b"(",
    b"<",
    b"&",
    b"\x00",
    b"\xff",
    b"xn--",
    b"xn--a.",
    b"\xe3\x80\x80",
    b"\xcc\x81",
    b"a\xcc\x81",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"#",
    b"# \n",
    b"msgid ",
    b'""\n',
    b"<a>",
    b"<ICSReq>",
    b"</ICSReq>",
    b"X: y\r\n",
    b"0\r\n\r\n",
    b"1;a\r\na\r\n",
    b"127.",
    b"@",
    b"-----BEGIN CERTIFICATE-----\n",
    b"https://a.example\n",
    b"https://*.",
    b"[[a]]\n",
    b"a=1\n",
    b"a.",
    b",",
    b'{"a":1},',
    b"[],",
    b'"",',
    b"1,",
    b"obj ",
    b"<<",
    b">>",
    b"\x01\x00",
    b"\x00\x01",
    b"\xff\x01",
    b'"events":[{',
    b'{"id":',
    b"\r\n",
    b"\r",
    b"a\n b\n",
    b"a ",
    b" a",
    b"*.",
)
_LEADS: Final = (
    b"",
    b'{"tbs":"',
    b'{"MethodSelect":"a","HexString":"',
    b'a = "',
    b"https://",
    b"tbsPackage=",
    b"GET /",
    b"%7B",
)


def _runs() -> Iterator[bytes]:
    for piece in _PIECES:
        for lead in _LEADS:
            yield lead + piece * (LONG // len(piece))


def _numbers() -> Iterator[bytes]:
    for digits in (20, 309, 400, 4300, 4301, 5000, LONG):
        for form in (b"%b", b"-%b", b"%b.0", b"0.%b", b"1e%b", b"-1E-%b", b"%be9"):
            number = form % (b"9" * digits)
            yield number
            for lead, end in (
                (b'{"MethodSelect":"GetVersion","DigestAlg":', b"}"),
                (b'{"func":"MakeSignature","tbs":', b"}"),
                (b'{"id":', b',"method":"status"}'),
                (b'{"pid":', b"}"),
                (b'{"format":', b',"pid":1}'),
                (b'{"number":', b"}"),
                (b'{"exp":', b"}"),
                (b"allowed = ", b"\n"),
                (b"port = ", b"\n"),
                (b'{"constants":{"logEventTypes":{"FAILED":', b'}},"events":[]}'),
                (b'{"constants":{"logEventTypes":{}},"events":[{"type":', b',"source":{"id":1}}]}'),
                (b'{"log":{"entries":[{"request":{"url":"http://localhost:', b'/"}}]}}'),
            ):
                yield lead + number + end


def _packed() -> Iterator[bytes]:
    bomb = gzip.compress(bytes(50_000_000), mtime=0)
    yield bomb
    yield gzip.compress(bomb, mtime=0)
    for tag in (b"\x53", b"\x70"):
        inner = b"\x70\x82" + struct.pack(">H", len(bomb)) + bomb + b"\x71\x01\x01"
        yield tag + b"\x82" + struct.pack(">H", len(inner) & 0xFFFF) + inner
    yield gzip.compress(b'{"constants":{"logEventTypes":{}},"events":[' + b"{}," * 100_000, mtime=0)


SHAPES: Final[Mapping[str, Callable[[], Iterator[bytes]]]] = {
    "JSON": _json,
    "equal and deep": _twice,
    "TOML": _toml,
    "property lists": _plist,
    "elements of ASN.1": _elements,
    "runs": _runs,
    "numbers": _numbers,
    "packed": _packed,
}

"""Cases whose signature and signer are good, and whose text is not, or not for this site."""

from collections.abc import Iterator
from typing import Any, Final

from agent.cms.login import LoginPurpose, challenge_text
from agent.kits.vectors import certificates
from agent.kits.vectors.case import (
    CHALLENGE,
    OK,
    ORIGIN,
    VectorCase,
    signed_by,
    statement,
)

_MALFORMED: Final = "malformed"
_ORIGIN: Final = "origin_mismatch"
_CHALLENGE: Final = "challenge_mismatch"
_LONG: Final = "https://" + ".".join(["a" * 63] * 3 + ["b" * 55])  # 255 characters


def statements() -> Iterator[VectorCase]:
    """Make the cases of this module."""
    for name, (text, note) in (_texts() | _times() | _members() | _alphabets()).items():
        yield _case(name, text, _MALFORMED, note)
    yield from _origins()
    yield from _configured_origins()
    yield from _challenges()
    yield from _purposes()
    yield from _unjudged()


def _case(name: str, text: bytes, expect: str, note: str, **instead: Any) -> VectorCase:
    return VectorCase(name, signed_by(certificates.citizen(), text), expect, note, instead)


def _texts() -> dict[str, tuple[bytes, str]]:
    text = statement()
    return {
        "text-empty": (b"", "no text"),
        "text-and-newline": (text + b"\n", "a line feed after it, which $ alone lets pass"),
        "text-and-crlf": (text + b"\r\n", "a line end after it"),
        "text-and-space": (text + b" ", "a space after it"),
        "text-and-nul": (text + b"\x00", "a NUL after it"),
        "text-twice": (text + b"\n" + text, "two lines, each of them good"),
        "text-after-line": (b"\n" + text, "a line feed before it, which (?m)^ lets pass"),
        "text-with-bom": (b"\xef\xbb\xbf" + text, "a byte order mark"),
        "text-in-utf-16": (text.decode().encode("utf-16-le"), "UTF-16"),
        "text-spaced": (text.replace(b'","', b'", "'), "spaces between the members"),
        "text-in-array": (b"[" + text + b"]", "an array around it"),
        "text-of-513-octets": (
            text.replace(b'"time"', b'"' + b"x" * (513 - len(text) - 6) + b'":"","time"'),
            "513 octets, by a member that nobody knows",
        ),
    }


def _times() -> dict[str, tuple[bytes, str]]:
    text, time = statement(), b"2026-11-27T15:04:05Z"
    return {
        "time-with-offset": (text.replace(time, b"2026-11-27T23:04:05+08:00"), "not in UTC"),
        "time-with-fraction": (text.replace(time, b"2026-11-27T15:04:05.5Z"), "half a second"),
        "time-in-lower-case": (text.replace(time, time.lower()), "t and z in lower case"),
        "time-in-arabic-digits": (
            text.replace(b"05Z", "\u0660\u0665Z".encode()),
            "digits of another script, which \\d lets pass",
        ),
    }


def _members() -> dict[str, tuple[bytes, str]]:
    text = statement()
    purpose, origin = b'"purpose":"login"', b'"origin":"https://portal.example"'
    return {
        "other-version": (text.replace(b".v1", b".v2"), "a type that is not known"),
        "duplicate-member": (
            text.replace(b'"time"', b'"origin":"https://evil.example","time"'),
            "two origins",
        ),
        "members-swapped": (
            text.replace(purpose + b"," + origin, origin + b"," + purpose),
            "the members are in another order",
        ),
        "member-missing": (text.replace(purpose + b",", b""), "no purpose"),
        "member-more": (text.replace(b'Z"}', b'Z","admin":true}'), "one member more"),
        "member-in-capitals": (text.replace(b'"origin"', b'"Origin"'), "Origin for origin"),
        "member-escaped": (text.replace(b'"origin"', b'"\\u006frigin"'), "an escape in a name"),
        "origin-of-null": (
            text.replace(b'"https://portal.example"', b"null"),
            "null as the origin",
        ),
        "purpose-unknown": (text.replace(b'"login"', b'"transfer"'), "a purpose nobody knows"),
        "purpose-empty": (text.replace(b'"login"', b'""'), "an empty purpose"),
    }


def _alphabets() -> dict[str, tuple[bytes, str]]:
    """Make texts with characters that have no place where they stand."""
    text, challenge = statement(), challenge_text(CHALLENGE).encode()

    def site(origin: bytes) -> bytes:
        return text.replace(ORIGIN.encode(), origin)

    def over(other: bytes) -> bytes:
        return text.replace(challenge, other)

    plain = challenge.translate(bytes.maketrans(b"-_", b"+/"))
    return {
        "origin-in-capitals": (site(b"HTTPS://PORTAL.EXAMPLE"), "capitals"),
        "origin-escaped": (site(b"https:\\/\\/portal.example"), "escaped slashes"),
        "origin-with-nul": (
            site(b"https://portal.example\x00.evil.example"),
            "a NUL in the origin",
        ),
        "origin-with-quote": (site(b'https://portal.example","x":"'), "a member inside the origin"),
        "origin-with-user": (site(b"https://portal.example@evil.example"), "a user's name"),
        "origin-with-query": (site(b"https://portal.example?"), "a question mark"),
        "origin-in-unicode": (site("https://pörtal.example".encode()), "not in punycode"),
        "origin-opaque": (site(b"null"), "the origin null, of a page without one"),
        "origin-of-256": (site(_LONG.encode() + b"c"), "256 octets of origin"),
        "challenge-padded": (over(challenge + b"=="), "base64 with padding"),
        "challenge-in-base64": (over(plain), "+ and / for - and _"),
        "challenge-in-hex": (over(CHALLENGE.hex().upper().encode()), "hexadecimal in capitals"),
        "challenge-short": (over(challenge[:42]), "42 characters of challenge"),
        "challenge-empty": (over(b""), "no challenge"),
    }


def _origins() -> Iterator[VectorCase]:
    yield _case("wrong-origin", statement("https://evil.example"), _ORIGIN, "made for another site")
    others = {
        "origin-slash": (ORIGIN + "/", "a slash after the origin"),
        "origin-with-path": (ORIGIN + "/login", "a path after the origin"),
        "origin-with-port": (ORIGIN + ":8443", "another port"),
        "origin-with-default-port": (ORIGIN + ":443", "the port that goes without saying"),
        "origin-on-http": ("http://portal.example", "plain http"),
        "origin-of-websocket": ("wss://portal.example", "another scheme"),
        "origin-with-dot": (ORIGIN + ".", "a dot after the name"),
        "origin-beneath": ("https://www.portal.example", "a name beneath"),
        "origin-above": ("https://example", "a name above"),
        "origin-begins-alike": (ORIGIN + ".evil.example", "it begins as the site's"),
        "origin-ends-alike": ("https://evil-portal.example", "it ends as the site's"),
        "origin-in-punycode": ("https://xn--prtal-jua.example", "it looks alike"),
    }
    for name, (origin, note) in others.items():
        yield _case(name, statement(origin), _ORIGIN, note)


def _configured_origins() -> Iterator[VectorCase]:
    sites = {
        "port-configured": "https://portal.example:8443",
        "punycode-configured": "https://xn--prtal-jua.example",
        "local-configured": "http://localhost:8080",
        "address-configured": "http://[::1]:8080",
        "origin-of-255": _LONG,
    }
    for name, origin in sites.items():
        yield _case(name, statement(origin), OK, "its origin is configured", origins=[origin])
    both = ["https://www.portal.example", ORIGIN]
    yield _case("second-of-two", statement(), OK, "the second of two origins", origins=both)


def _challenges() -> Iterator[VectorCase]:
    yield _case(
        "other-challenge", statement(challenge=bytes(32)), _CHALLENGE, "over another challenge"
    )
    yield _case(
        "challenge-cut",
        statement(challenge=CHALLENGE[:48]),
        _CHALLENGE,
        "over the first 48 octets of the challenge",
    )
    text = challenge_text(CHALLENGE)
    loose = statement().replace(text.encode(), text[:-1].encode() + b"x")
    yield _case(
        "challenge-with-loose-bits",
        loose,
        _CHALLENGE,
        "bits that stand for nothing are set at the end of the base64; the text is compared",
    )
    yield _case(
        "challenge-in-other-case",
        statement().replace(text.encode(), text.swapcase().encode()),
        _CHALLENGE,
        "capitals and small letters are swapped",
    )


def _purposes() -> Iterator[VectorCase]:
    identify = statement(purpose=LoginPurpose.IDENTIFY)
    yield _case("other-purpose", identify, "purpose_mismatch", "to identify, where a login is due")
    yield _case(
        "login-to-identify",
        statement(),
        "purpose_mismatch",
        "a login, where it is due to identify",
        purpose="identify",
    )
    yield _case("identify", identify, OK, "to identify, as is due", purpose="identify")


def _unjudged() -> Iterator[VectorCase]:
    """Make logins whose time is nobody's affair."""
    time = b"2026-11-27T15:04:05Z"
    for name, other, note in (
        ("time-impossible", b"2026-02-31T25:61:61Z", "no date of any calendar"),
        ("time-of-year-0", b"0000-00-00T00:00:00Z", "the year 0"),
        ("time-long-ago", b"1999-12-31T23:59:59Z", "a clock that went wrong"),
        ("time-far-away", b"9999-12-31T23:59:59Z", "a clock that went wrong the other way"),
    ):
        yield _case(name, statement().replace(time, other), OK, note + "; time is never judged")
    forged = statement().replace(time, b"2026-11-27T15:04:06Z")
    yield _case(
        "blind-forged",
        forged,
        OK,
        "the limit: a card that signs a digest for anybody signs a login, and nobody can tell",
    )

"""Read the fields of a page's request, in each of the encodings that pages use.

``application/x-www-form-urlencoded`` (WHATWG URL §5.1), the same without its escapes, and bare
JSON (RFC 8259) all occur, and no Content-Type tells them apart. Every text is percent-decoded
exactly once, and ``+`` stays ``+`` unless the whole body is encoded.
"""

import binascii
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from agent.web.hipki.errors import HipkiError, Major

MAX_TEXTS: Final = 4096  # names and values in one request; pages send twenty
MAX_REST: Final = 64 * 1024  # characters of JSON outside of them
_PREFIX: Final = "tbsPackage="
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_LINE_ENDS: Final = re.compile(r"(?<! ) *+[\r\n\t][\r\n\t ]*")  # with the spaces around them
_NO_NAME: Final = frozenset({"", "0", "undefined", "null"})
_JSON_TEXT: Final = re.compile(r'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?', re.DOTALL)
"""A text of JSON; one that does not end takes all that follows, so that matching stays linear."""
_SURROGATE: Final = re.compile(r"\\u[Dd][89A-Fa-f]")
_ESCAPE: Final = re.compile(
    r"\\(?:u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}"
    r"|(?P<half>u[Dd][89A-Fa-f][0-9A-Fa-f]{2})|.)",
    re.DOTALL,
)
"""An escape of JSON (RFC 8259 §7); that of a whole surrogate pair as one."""
_ABSENT: Final = (
    "__NotExistedTag__"  # what the old component's own parts write for a missing option
)
_decoder: Final = msgspec.json.Decoder(dict[str, Any], float_hook=float)  # 1e999 is no error


@dataclass(frozen=True, slots=True, repr=False)
class RequestFields:
    """The fields of one request.

    Unknown fields and values of other types count as absent: existing pages rely on it.
    """

    values: Mapping[str, Any]

    def __repr__(self) -> str:
        # One of the fields is the PIN.
        return f"RequestFields({sorted(self.values)})"

    def text(self, name: str) -> str:
        """Return a field as text, a number in decimal; empty when absent or of another type."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            return ""
        text = str(value)
        return "" if text == _ABSENT else text

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a field that pages write as ``"true"`` or ``"false"``, or as a boolean.

        Args:
            name: of the field.
            default: for an absent field, and for any other value.

        """
        value = self.values.get(name)
        if isinstance(value, bool):
            return value
        return {"true": True, "false": False}.get(self.text(name).lower(), default)

    def octets(self, name: str) -> bytes:
        """Decode a base64 field (RFC 4648 §4), with or without padding and white space.

        Raises:
            HipkiError: 0x76600002: it is no base64.

        """
        return decode_base64(self.text(name))

    @property
    def slot(self) -> str | None:
        """The name of the reader to use; None for any."""
        name = self.text("slotDescription")
        return None if name in _NO_NAME else name

    @property
    def card_number(self) -> str | None:
        """The number of the card to use, without spaces around it; None for any."""
        number = self.text("cardid").strip()
        return None if number in _NO_NAME else number


def decode_base64(text: str) -> bytes:
    """Decode base64 (RFC 4648 §4) in which a form decoder may have turned ``+`` into a space.

    Only the length tells such a space from one that was inserted; a wrong guess would sign
    something else than the page meant.

    Raises:
        HipkiError: 0x76600002: it is no base64.

    """
    one_line = _LINE_ENDS.sub("", text)
    for compact in (one_line.replace(" ", "+"), one_line.replace(" ", "")):
        padded = compact if "=" in compact else compact + "=" * (-len(compact) % 4)
        if len(padded) % 4:  # a2b_base64 accepts surplus padding
            continue
        with suppress(binascii.Error, ValueError):
            return binascii.a2b_base64(padded, strict_mode=True)
    raise HipkiError(Major.BASE64_DECODING)


def parse_body(raw: bytes | bytearray) -> RequestFields:
    """Read the body of a POST; an empty one has no fields.

    Args:
        raw: UTF-8 in any of the encodings, whatever its Content-Type says.

    Raises:
        HipkiError: 0x7600000B: it is in none of them, or has more fields than any page sends.

    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HipkiError(Major.BAD_JSON) from error
    return parse_text(text)


def parse_text(text: str) -> RequestFields:
    """Read a request as :func:`parse_body` does, from text: the message of a page to the popup.

    Raises:
        HipkiError: as :func:`parse_body`.

    """
    text = text.strip().removeprefix(_PREFIX).lstrip()
    if not text:
        return RequestFields({})
    if text[:3].lower() == "%7b":
        whole = text.partition("&")[0].replace("+", " ")
        return RequestFields(_object(unescape(whole)))
    try:
        values = _object(text)
    except HipkiError:
        return RequestFields(_object(unescape(text)))
    return RequestFields({name: _decoded(value) for name, value in values.items()})


def _decoded(value: Any) -> Any:
    return unescape(value) if isinstance(value, str) else value


def unescape(text: str) -> str:
    """Percent-decode once (WHATWG URL §1.3); what is no escape, or not UTF-8, stays as it is."""
    return _ESCAPES.sub(_unescape_run, text) if "%" in text else text


def _unescape_run(run: re.Match[str]) -> str:
    octets = bytes.fromhex(run.group().replace("%", ""))
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return run.group()


def _object(text: str) -> dict[str, Any]:
    if not _is_flat(text):
        raise HipkiError(Major.BAD_JSON)
    try:
        return _decoder.decode(_with_whole_pairs(text))
    except (ValueError, RecursionError) as error:
        raise HipkiError(Major.BAD_JSON) from error


def _is_flat(text: str) -> bool:
    """Return whether JSON is small but for the texts in it, as every request of a page is.

    Millions of empty lists would become a gigabyte of objects.
    """
    end = rest = 0
    for count, found in enumerate(_JSON_TEXT.finditer(text)):
        rest += found.start() - end
        end = found.end()
        if rest > MAX_REST or count >= MAX_TEXTS:
            return False
    return rest + len(text) - end <= MAX_REST


def _with_whole_pairs(text: str) -> str:
    """Put U+FFFD for each escaped half of a surrogate pair, as browsers encode one (Encoding §4.4).

    JavaScript's strings may hold such halves and JSON their escapes, but UTF-8 has none.
    """
    if not _SURROGATE.search(text):
        return text
    return _ESCAPE.sub(
        lambda found: "\N{REPLACEMENT CHARACTER}" if found["half"] else found[0], text
    )

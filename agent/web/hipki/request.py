"""What pages send, in every encoding that they have come to use, as a flat set of fields.

``application/x-www-form-urlencoded`` (WHATWG URL §5.1), the same without its escapes, and bare
JSON all occur, and no Content-Type tells them apart. The rule is exactly one percent-decoding
for every text, and ``+`` stays ``+`` wherever the sender did not encode the whole body.
"""

import binascii
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agent.web.hipki.errors import HipkiError, Major

MAX_BODY = 16 * 1024 * 1024  # bytes; pages sign documents of some hundred kilobytes
MAX_TEXTS = 4096  # names and values in one request; pages send twenty
MAX_REST = 64 * 1024  # characters of JSON that are in none of them
_PREFIX = "tbsPackage="
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_LINE_ENDS = re.compile(r"(?<! ) *+[\r\n\t][\r\n\t ]*")  # with the spaces around them; linear
_NO_SLOT = frozenset({"", "0", "undefined", "null"})
# A text that does not end goes to the end of everything, so that nothing is looked at twice.
_JSON_TEXT = re.compile(r'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?', re.DOTALL)
_ABSENT = "__NotExistedTag__"  # what the old component's own parts write for a missing option


@dataclass(frozen=True, slots=True, repr=False)
class Fields:
    """The fields of one request; whatever has no use here is ignored, as pages expect."""

    values: Mapping[str, Any]

    def __repr__(self) -> str:
        # One of the fields is the PIN.
        return f"Fields({sorted(self.values)})"

    def text(self, name: str) -> str:
        """Return a field as text; empty when it is absent or of another type."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            return ""
        text = str(value)
        return "" if text == _ABSENT else text

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a field that pages write as ``"true"`` or ``"false"``, or as a boolean."""
        value = self.values.get(name)
        if isinstance(value, bool):
            return value
        return {"true": True, "false": False}.get(self.text(name).lower(), default)

    def octets(self, name: str) -> bytes:
        """Decode a base64 field (RFC 4648 §4), with or without padding and white space.

        Raises:
            HipkiError: 0x76600002, it is none.

        """
        return decode_base64(self.text(name))

    @property
    def slot(self) -> str | None:
        """The reader that is meant; None for the first one with a card."""
        name = self.text("slotDescription")
        return None if name in _NO_SLOT else name


def decode_base64(text: str) -> bytes:
    """Decode base64 in which a form decoder may have turned ``+`` into a space.

    Which of the two a space was, only the length tells: what is read wrong would be signed.

    Raises:
        HipkiError: 0x76600002, it is none.

    """
    one_line = _LINE_ENDS.sub("", text)
    for compact in (one_line.replace(" ", "+"), one_line.replace(" ", "")):
        padded = compact if "=" in compact else compact + "=" * (-len(compact) % 4)
        if len(padded) % 4:  # what decodes lets surplus padding pass
            continue
        with suppress(binascii.Error, ValueError):
            return binascii.a2b_base64(padded, strict_mode=True)
    raise HipkiError(Major.BASE64_DECODING)


def parse_body(raw: bytes) -> Fields:
    """Read the body of a POST; an empty one has no fields.

    Args:
        raw: as it arrived, whatever its Content-Type says.

    Raises:
        HipkiError: 0x7600000B, it is nothing that makes sense.

    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HipkiError(Major.BAD_JSON) from error
    return parse_text(text)


def parse_text(text: str) -> Fields:
    """Read a request as :func:`parse_body`, from text: what a page posts to the popup.

    Raises:
        HipkiError: 0x7600000B, it is nothing that makes sense.

    """
    text = text.strip().removeprefix(_PREFIX).lstrip()
    if not text:
        return Fields({})
    if text[:3].lower() == "%7b":
        whole = text.partition("&")[0].replace("+", " ")
        return Fields(_object(unescape(whole)))
    try:
        values = _object(text)
    except HipkiError:
        return Fields(_object(unescape(text)))
    return Fields({name: _decoded(value) for name, value in values.items()})


def _decoded(value: Any) -> Any:
    return unescape(value) if isinstance(value, str) else value


def unescape(text: str) -> str:
    """Percent-decode once; what is no escape, or not UTF-8, stays as it is."""
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
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HipkiError(Major.BAD_JSON) from error
    if not isinstance(values, dict):
        raise HipkiError(Major.BAD_JSON)
    return values


def _is_flat(text: str) -> bool:
    """Return whether JSON is as good as all text, as any long request is that a page means.

    Millions of empty lists would become a gigabyte of objects.
    """
    end = rest = 0
    for count, found in enumerate(_JSON_TEXT.finditer(text)):
        rest += found.start() - end
        end = found.end()
        if rest > MAX_REST or count >= MAX_TEXTS:
            return False
    return rest + len(text) - end <= MAX_REST

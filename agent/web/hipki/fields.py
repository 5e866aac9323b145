"""Read the fields of a page's request, in each of the encodings that pages use.

``application/x-www-form-urlencoded`` (WHATWG URL §5.1), the same without its escapes, and bare
JSON (RFC 8259) all occur, and no Content-Type tells them apart. Every text is percent-decoded
exactly once, and ``+`` stays ``+`` unless the whole body is encoded.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from agent.json_texts import json_texts
from agent.web.hipki.errors import HipkiError, Major
from agent.web.hipki.long_texts import (
    decode_base64,
    decode_json_text,
    decode_utf8,
    replace_character,
    unescape,
    with_whole_pairs,
)

_PREFIX: Final = "tbsPackage="
_NO_NAME: Final = frozenset({"", "0", "undefined", "null"})
_SHORT: Final = 1024  # characters; longer texts of JSON are decoded by themselves
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

    @property
    def length(self) -> int:
        """How many characters the texts have, all together."""
        return sum(len(each) for each in self.values.values() if isinstance(each, str))

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
        try:
            return decode_base64(self.text(name))
        except ValueError as error:
            raise HipkiError(Major.BASE64_DECODING) from error

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


def parse_body(raw: bytes | bytearray) -> RequestFields:
    """Read the body of a POST; an empty one has no fields.

    Args:
        raw: UTF-8 in any of the encodings, whatever its Content-Type says.

    Raises:
        HipkiError: 0x7600000B: it is in none of them, or has more fields than any page sends.

    """
    try:
        text = decode_utf8(raw)
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
        whole = replace_character(text.partition("&")[0], "+", " ")
        return RequestFields(_object(unescape(whole)))
    try:
        values = _object(text)
    except HipkiError:
        return RequestFields(_object(unescape(text)))
    return RequestFields({name: _decoded(value) for name, value in values.items()})


def _decoded(value: Any) -> Any:
    return unescape(value) if isinstance(value, str) else value


def _object(text: str) -> dict[str, Any]:
    """Decode JSON that is small but for the texts in it, as every request of a page is."""
    try:
        rest, long = _set_apart(text)
        values = _decoder.decode(rest)
    except (ValueError, RecursionError) as error:
        raise HipkiError(Major.BAD_JSON) from error
    if not long:
        return values
    return {_put_back(name, long): _put_back(value, long) for name, value in values.items()}


def _set_apart(text: str) -> tuple[str, dict[str, str]]:
    """Return JSON with a name for each long text, and these texts by their names.

    Raises:
        ValueError: there is much beside the texts, too many of them, or one is none.

    """
    mark = secrets.token_hex(8)  # that no page can write by itself
    parts: list[str] = []
    long: dict[str, str] = {}
    at = 0
    for start, end in json_texts(text):
        parts.append(text[at:start])
        if end - start > _SHORT:
            name = f"{mark}{start}"
            long[name] = decode_json_text(text, start + 1, end - 1)
            parts.append(f'"{name}"')
        else:
            parts.append(with_whole_pairs(text[start:end]))
        at = end
    return "".join((*parts, text[at:])), long


def _put_back(value: Any, long: dict[str, str]) -> Any:
    return long.get(value, value) if isinstance(value, str) else value

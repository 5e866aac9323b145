"""Read long texts piece by piece: no single step of it keeps the interpreter from other threads.

A call into C keeps the interpreter until it is done, in whichever thread it runs; over sixteen
megabytes some take a second. Each function here works on pieces of a length that takes about a
millisecond, and gives what it would give on the whole.
"""

import binascii
import codecs
import re
from collections.abc import Iterator
from string import hexdigits
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

PIECE: Final = 32 * 1024  # bytes or characters

_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ESCAPE_LENGTH: Final = 3
_NEAR: Final = 16  # characters
_SINGLE: Final = {
    escape: chr(int(escape[1:], 16)) if escape[1] < "8" else escape
    for escape in ("%" + first + second for first in hexdigits for second in hexdigits)
}
"""What stands for an escape by itself: the character, if it is ASCII."""
_UNDECODED: Final = re.compile("[\udc80-\udcff]")
"""Octets that are not UTF-8 (PEP 383)."""
_SURROGATE: Final = re.compile(r"\\u[Dd][89A-Fa-f]")
_JSON_TOKENS: Final = re.compile(r"(?:[^\\]+|\\[^u]|\\u[0-9A-Fa-f]{4})*", re.DOTALL)
_JSON_ESCAPE: Final = re.compile(
    r"\\(?:u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}"
    r"|(?P<half>u[Dd][89A-Fa-f][0-9A-Fa-f]{2})|.)",
    re.DOTALL,
)
"""An escape of JSON (RFC 8259 §7); that of a whole surrogate pair as one."""
_HIGH: Final = re.compile(r"\\u[Dd][89ABab][0-9A-Fa-f]{2}")
_LOW: Final = re.compile(r"\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}")
_U_LENGTH: Final = 6
_text_decoder: Final = msgspec.json.Decoder(str)

_BLANKS: Final = " \r\n\t"
_BLANK_RUN: Final = re.compile(r"[ \r\n\t]*")
_LINE_ENDS: Final = "\r\n\t"


def decode_utf8(raw: bytes | bytearray) -> str:
    """Decode UTF-8, without a byte order mark at its beginning.

    Raises:
        UnicodeDecodeError: it is none.

    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    parts = [decoder.decode(raw[at : at + PIECE]) for at in range(0, len(raw), PIECE)]
    return "".join((*parts, decoder.decode(b"", final=True)))


def replace_character(text: str, old: str, new: str) -> str:
    """Replace one character everywhere."""
    return "".join(piece.replace(old, new) for piece in _pieces(text)) if old in text else text


def unescape(text: str) -> str:
    """Percent-decode once (WHATWG URL §1.3); what is no escape, or not UTF-8, stays as it is.

    Escapes without anything between them are UTF-8 together, or not at all.
    """
    if "%" not in text:
        return text
    done: list[str] = []
    at = 0
    while at < len(text):
        piece, at = _unescaped_piece(text, at)
        done.append(piece)
    return "".join(done)


def _unescaped_piece(text: str, at: int) -> tuple[str, int]:
    """Decode a piece, and all of the run of escapes at its end; return it and where it ends."""
    end = at + PIECE
    stop = _between_runs(text, end)
    if stop > at:
        try:
            # Whole characters are around the escapes: all is UTF-8 if each run of them is.
            return unquote_to_bytes(text[at:stop]).decode(), stop
        except UnicodeError:
            pass  # each run by itself, then
    parts: list[str] = []
    for found in _ESCAPES.finditer(text, at, end):
        start, stop = found.span()
        if stop > end - _ESCAPE_LENGTH:
            stop = _end_of_run(text, stop)
        parts += (text[at:start], _unescaped_run(text, start, stop))
        at = stop
    if end >= len(text):
        return "".join((*parts, text[at:])), len(text)
    rest = max(at, end - _ESCAPE_LENGTH + 1)  # where an escape may begin that goes on
    return "".join((*parts, text[at:rest])), rest


def _between_runs(text: str, end: int) -> int:
    """Return a place shortly before ``end`` that is behind no escape; -1 if there is none."""
    for stop in range(min(end, len(text)), max(end - _NEAR, _ESCAPE_LENGTH), -1):
        if "%" not in text[stop - _ESCAPE_LENGTH : stop]:
            return stop
    return -1


def _end_of_run(text: str, end: int) -> int:
    while found := _ESCAPES.match(text, end, end + PIECE):
        end = found.end()
    return end


def _unescaped_run(text: str, start: int, end: int) -> str:
    run = text[start:end]
    if end - start == _ESCAPE_LENGTH:
        return _SINGLE[run]
    if end - start <= PIECE:
        # An exception for each run takes longer than all the rest.
        found = _octets(run).decode(errors="surrogateescape")
        return found if found.isascii() or not _UNDECODED.search(found) else run
    try:
        decoder = codecs.getincrementaldecoder("utf-8")()
        step = PIECE - PIECE % _ESCAPE_LENGTH
        pieces = (_octets(text[at : min(at + step, end)]) for at in range(start, end, step))
        parts = [decoder.decode(piece) for piece in pieces]
        return "".join((*parts, decoder.decode(b"", final=True)))
    except UnicodeDecodeError:
        return run


def _octets(escapes: str) -> bytes:
    return bytes.fromhex(escapes.replace("%", ""))


def decode_json_text(text: str, start: int, end: int) -> str:
    """Decode what stands between the quotation marks of a text of JSON (RFC 8259 §7).

    For half a surrogate pair there is U+FFFD, as browsers encode one (Encoding §4.4).

    Raises:
        ValueError: it is none.

    """
    parts: list[str] = []
    while start < end:
        stop = _end_of_tokens(text, start, min(start + PIECE, end))
        if stop == start:
            raise ValueError("no escape of JSON")
        parts.append(_text_decoder.decode(f'"{with_whole_pairs(text[start:stop])}"'))
        start = stop
    return "".join(parts)


def _end_of_tokens(text: str, start: int, end: int) -> int:
    """Return a place between two characters, of which no pair of escapes makes one."""
    found = _JSON_TOKENS.match(text, start, end)
    stop = start if found is None else found.end()
    if _HIGH.match(text, max(start, stop - _U_LENGTH), stop) and _LOW.match(text, stop):
        stop += _U_LENGTH  # an escape of its own otherwise, which harms nothing
    return stop


def with_whole_pairs(text: str) -> str:
    """Put U+FFFD for each escaped half of a surrogate pair in a piece of JSON."""
    if not _SURROGATE.search(text):
        return text
    return _JSON_ESCAPE.sub(
        lambda found: "\N{REPLACEMENT CHARACTER}" if found["half"] else found[0], text
    )


def decode_base64(text: str) -> bytes:
    """Decode base64 (RFC 4648 §4) in which a form decoder may have turned ``+`` into a space.

    Only the length tells such a space from one that was inserted; a wrong guess would sign
    something else than the page meant.

    Raises:
        ValueError: it is no base64.

    """
    one_line = _without_line_ends(text)
    for instead in ("+", ""):
        compact = replace_character(one_line, " ", instead)
        padded = compact if "=" in compact else compact + "=" * (-len(compact) % 4)
        if len(padded) % 4 == 0:  # a2b_base64 accepts surplus padding
            try:
                return _decode_strictly(padded)
            except ValueError:  # binascii.Error is one
                continue
    raise ValueError("no base64")


def _decode_strictly(text: str) -> bytes:
    padding = text.find("=")
    if padding < 0:
        padding = len(text)
    last = max(0, padding - padding % 4 - 4)  # surplus padding counts with what is before it
    if len(text) - last > PIECE:
        raise ValueError("much more padding than text")
    pieces = (*_pieces(text[:last]), text[last:])
    # A list: what is joined here is made before, and not during, the one call.
    return b"".join([binascii.a2b_base64(piece, strict_mode=True) for piece in pieces])


def _without_line_ends(text: str) -> str:
    """Leave out line ends and tabs, with the spaces around them."""
    if not any(each in text for each in _LINE_ENDS):
        return text
    parts: list[str] = []
    at = 0
    while at < len(text):
        # A run of blanks is looked at as a whole, so none ends at the end of a piece.
        piece = text[at : at + PIECE].rstrip(_BLANKS)
        if piece:
            parts.append(_one_line(piece))
            at += len(piece)
        else:
            end = _end_of_blanks(text, at)
            if all(text.find(each, at, end) < 0 for each in _LINE_ENDS):
                parts.append(text[at:end])
            at = end
    return "".join(parts)


def _one_line(piece: str) -> str:
    first, *lines = piece.replace("\r", "\n").replace("\t", "\n").split("\n")
    if not lines:
        return piece
    last = lines.pop().lstrip(" ")
    return "".join((first.rstrip(" "), *(line.strip(" ") for line in lines), last))


def _end_of_blanks(text: str, end: int) -> int:
    while (found := _BLANK_RUN.match(text, end, end + PIECE)) and found.end() > end:
        end = found.end()
    return end


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + PIECE] for at in range(0, len(text), PIECE))

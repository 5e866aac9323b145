r"""GNU gettext's PO format ("The Format of PO Files" in its manual), as far as a reader needs it.

Read are the contexts, the translations and the header's plural rule. Entries that are fuzzy or
not translated are left out. A string may stand in several pieces on one line or more; its escapes
are C's, of which ``\ooo`` and ``\xhh`` are bytes of UTF-8.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Any, Final

_STRING: Final = r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
_TOKEN: Final = re.compile(
    rf"(?:(#[^\n]*)|(?:([a-z_]+)\s*(\[\s*\d+\s*\])?\s*)?((?:{_STRING}\s*)+))\s*"
)
_PIECE: Final = re.compile(_STRING)
_PLAIN: Final = r'"([^"\\\n]+)"'
# Behind a string and a blank line, and before another entry: nothing around it belongs to it.
_PLAIN_ENTRY: Final = re.compile(
    rf'(?<="\n\n)(?:#, python-brace-format\n)?msgctxt {_PLAIN}\nmsgid {_PLAIN}\nmsgstr {_PLAIN}\n'
    r"(?=\n(?:#, python-brace-format\n)?msgctxt|\n?\Z)"
)
_BYTE: Final = r"\\(?:[0-7]{1,3}|x[0-9a-fA-F]{2})"
_ESCAPE: Final = re.compile(rf"((?:{_BYTE})+)|\\(.)")
_ESCAPED_BYTE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3}))")
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a"}
_CHARSET: Final = re.compile(rb"charset=([\w.:-]+)")
_PLURALS: Final = re.compile(
    r"^Plural-Forms:\s*nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([^;]+)", re.MULTILINE
)
_GERMANIC: Final = (2, "n != 1")  # where a header says nothing
_CHECKED_COUNTS: Final = 1000
_KEYWORDS: Final = frozenset({"domain", "msgctxt", "msgid", "msgid_plural", "msgstr"})
_FLAGS: Final = "#,"
_BEGINNINGS: Final = frozenset({_FLAGS, "msgctxt", "msgid"})  # of an entry


@dataclass(frozen=True, slots=True)
class CountedText:
    """A text with a count in it, in each plural form of its language.

    Attributes:
        forms: in the order of the language's rule.
        choose: the rule: the number of the form for a count.

    """

    forms: tuple[str, ...]
    choose: Callable[[int], int]

    def format(self, *, count: int, **facts: Any) -> str:
        """Return the text for a count; its placeholders are filled as by :meth:`str.format`."""
        return self.format_map({"count": count, **facts})

    def format_map(self, facts: Mapping[str, Any]) -> str:
        """Return the text for the fact ``count``, a number or its decimal digits."""
        return self.forms[self.choose(int(facts["count"]))].format_map(facts)


Text = str | CountedText
_Rule = tuple[int, Callable[[int], int]]


def read(path: Path) -> dict[str, Text]:
    """Return the translations in a PO file by their contexts.

    Raises:
        OSError: the file cannot be read.
        ValueError: as :func:`parse`; or it is not in the charset that it names.

    """
    content = path.read_bytes()
    charset = _CHARSET.search(content)
    return parse(content.decode(charset[1].decode() if charset else "utf-8"))


def parse(text: str) -> dict[str, Text]:
    """Return the translations by their contexts; entries without a context are left out.

    Raises:
        ValueError: it is no PO file, or its plural rule is wrong.

    """
    try:
        return _parse_quickly(text)
    except ValueError:
        found: dict[str, Text] = {}
        _parse_into(found, text, _plural_rule(""))  # knows the line that cannot be read
        return found


def _parse_quickly(text: str) -> dict[str, Text]:
    """Do what :func:`parse` does: nearly all entries are plain, and a window waits for them."""
    found: dict[str, Text] = {}
    rule, end = _plural_rule(""), 0
    for plain in _PLAIN_ENTRY.finditer(text):
        rule = _parse_into(found, text[end : plain.start()], rule)
        found[plain[1]], end = plain[3], plain.end()
    _parse_into(found, text[end:], rule)
    return found


def _parse_into(found: dict[str, Text], text: str, rule: _Rule) -> _Rule:
    """Add the translations of entries of any form; return the plural rule that holds behind it."""
    if not text.strip():
        return rule
    count, choose = rule
    for entry in _entries(text):
        context = entry.get("msgctxt")
        if context is None:
            if entry.get("msgid") == "":
                count, choose = _plural_rule(entry.get("msgstr", ""))
        elif "msgid_plural" not in entry:
            if entry.get("msgstr"):
                found[context] = entry["msgstr"]
        else:
            forms = tuple(entry.get(f"msgstr[{number}]", "") for number in range(count))
            if all(forms):
                found[context] = CountedText(forms, choose)
    return count, choose


def _entries(text: str) -> Iterator[Mapping[str, str]]:
    """Yield the fields of each entry by their keywords; fuzzy ones are left out, but the header."""
    entry: dict[str, str] = {}
    is_fuzzy = is_translated = False
    for keyword, value in _fields(text):
        if is_translated and keyword in _BEGINNINGS:
            if not is_fuzzy or not entry["msgid"]:
                yield entry
            entry, is_fuzzy, is_translated = {}, False, False
        if keyword == _FLAGS:
            is_fuzzy = is_fuzzy or "fuzzy" in value
            continue
        if keyword in entry:
            raise ValueError(f"{keyword} twice: {value}")
        if keyword.startswith("msgstr"):
            is_translated = True
            if "msgid" not in entry:
                raise ValueError(f"no msgid: {value}")
        entry[keyword] = value
    if entry and not is_translated:
        raise ValueError(f"no msgstr: {entry}")
    if entry and not (is_fuzzy and entry["msgid"]):
        yield entry


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield each keyword, such as ``msgid`` or ``msgstr[1]``, with its string; flags too."""
    text = text.replace("\r\n", "\n").lstrip()
    keyword, value, end = "domain", "", 0
    for token in _TOKEN.finditer(text):
        if token.start() != end:
            break
        end = token.end()
        comment, word, index, strings = token.groups()
        if comment is None and word is None:
            value += _string(strings)
            continue
        if comment is not None and not comment.startswith(_FLAGS):
            continue
        if keyword != "domain":
            yield keyword, value
        if comment is not None:
            keyword, value = _FLAGS, comment
        elif word in _KEYWORDS:
            keyword = f"{word}[{index.strip('[ ]')}]" if index else word
            value = _string(strings)
        else:
            raise ValueError(f"unknown keyword {word}")
    if end != len(text):
        raise ValueError(f"line {text.count(chr(10), 0, end) + 1} cannot be read")
    if keyword != "domain":
        yield keyword, value


def _string(pieces: str) -> str:
    """Return what quoted pieces say together."""
    if pieces.count('"') == 2:  # one piece, as nearly all are
        joined = pieces.strip()[1:-1]
    else:
        joined = "".join([piece[1:-1] for piece in _PIECE.findall(pieces)])
    return _ESCAPE.sub(_unescaped, joined) if "\\" in joined else joined


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is None:
        return _CONTROLS.get(found[2], found[2])
    numbers = _ESCAPED_BYTE.findall(found[1])
    return bytes(int(high, 16) if high else int(octal, 8) for high, octal in numbers).decode()


def _plural_rule(header: str) -> tuple[int, Callable[[int], int]]:
    """Return how many plural forms there are, and the rule that chooses one by a count."""
    found = _PLURALS.search(header)
    return _compiled(int(found[1]), found[2].strip()) if found else _compiled(*_GERMANIC)


@cache
def _compiled(count: int, expression: str) -> tuple[int, Callable[[int], int]]:
    choose = c2py(expression)
    if not all(0 <= choose(number) < count for number in range(_CHECKED_COUNTS)):
        raise ValueError(f"plural={expression} chooses other forms than {count}")
    return count, choose

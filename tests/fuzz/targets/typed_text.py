"""What people type into the portal's forms, and what readers, pages and cards call themselves."""

import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

from agent.harmless import has_content, one_line, printable, shortened, unbroken
from agent.portal.birthdate import parse_birth_date
from agent.portal.contact import parse_contact
from agent.portal.errors import PortalError
from agent.portal.idnumber import parse_id_number
from agent.portal.names import parse_name
from agent.portal.online.numbers import parse_case_number
from agent.transport.part10 import has_keypad
from agent.transport.reader_names import model_name, shown_names

REFUSALS = ()
LONGEST = 20_000
TODAY = date(2026, 6, 15)
READ = (
    parse_contact,
    parse_id_number,
    parse_name,
    parse_case_number,
    lambda text: parse_birth_date(text, TODAY),
)


def one(data: bytes) -> int:
    text = data.decode("utf-8", "surrogateescape")
    taken = 0
    for read in READ:
        with suppress(PortalError, ValueError):
            taken += read(text) is not None
    for shown in (printable(text), shortened(text, 64), one_line(text)):
        assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs") for each in shown)
    assert len(shortened(text, 64)) <= 64
    unbroken(text)
    has_content(text)
    names = shown_names([each for each in data.split(b"\0") if each])
    assert len(set(names)) == len(names)
    assert all(1 <= len(name.encode()) <= 127 for name in names)
    for name in names:
        model_name(name)
    has_keypad(data)
    return taken


def seeds() -> Iterator[tuple[bytes, int]]:
    yield "\u6c11\u570b79\u5e741\u670831\u65e5".encode(), 2
    yield b"0912-345-678", 2
    yield b"A123456789", 2
    yield b"Reader A 00 00\0Reader A 00 00", 0

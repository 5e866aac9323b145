"""What an administrator can have written into the system's own log: each event once.

Run as a module, the table is written for administrators, as ``installer/EVENTS.md``. Numbers, names
and fields never change their meaning; new ones are added at the end. No event has a field for a
PIN, a number of a card or a person, a name, or a document.
"""

from dataclasses import dataclass
from enum import IntEnum, unique
from pathlib import Path
from typing import Final

SITE: Final = "site"
"""The field that is left out unless ``events_sites`` is true."""
SOURCE_NAME: Final = "Ankong"
"""The name of the log's source on Windows."""
IDENTIFIER: Final = "ankong"
"""Likewise elsewhere (SYSLOG_IDENTIFIER)."""
DOCUMENT: Final = Path(__file__).parents[2] / "installer" / "EVENTS.md"


@unique
class Severity(IntEnum):
    """How much an event matters, as syslog has it (RFC 5424, table 2)."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """One kind of event.

    Attributes:
        number: the id on Windows, and ``ANKONG_ID`` in the journal.
        name: ``ANKONG_EVENT`` in the journal, and the first word of a line elsewhere.
        message_id: ``MESSAGE_ID`` in the journal, 32 hexadecimal digits.
        severity: how much it matters.
        text: what happened, one English sentence.
        fields: what else is told; in the journal with ``ANKONG_`` before it, in capitals.
        meaning: of the fields, English; empty where there are none.

    """

    number: int
    name: str
    message_id: str
    severity: Severity
    text: str
    fields: tuple[str, ...] = ()
    meaning: str = ""


_KEY_FIELDS: Final = ("kind", SITE)
_KIND: Final = "`kind` of request: `sign`, `authenticate` or `decrypt`"

STARTED: Final = SystemEvent(
    1,
    "started",
    "90285b0239f54bbd816fa381b2540db1",
    Severity.INFO,
    "Ankong answers pages.",
    ("version", "policy"),
    "`policy`: `none`, `in_force` or `unusable`",
)
STOPPED: Final = SystemEvent(
    2,
    "stopped",
    "7174bf896cc64fe6a44cb1b4ade2c375",
    Severity.INFO,
    "Ankong ends.",
    ("version",),
)
POLICY_CHANGED: Final = SystemEvent(
    3,
    "policy_changed",
    "ab3a684ff4674dfc88680ca3e78a8bf0",
    Severity.NOTICE,
    "Another policy is in force than before.",
    ("sha256",),
    "`sha256`: of what it decides, as in `ankong inventory`",
)
POLICY_UNUSABLE: Final = SystemEvent(
    4,
    "policy_unusable",
    "67b55c3b660f4927a27f40e0162c4a6c",
    Severity.ERROR,
    "The policy cannot be used, so every site is refused.",
)
TRUST_CHANGED: Final = SystemEvent(
    5,
    "trust_changed",
    "5a03bc389db6402684cac18b92d62435",
    Severity.NOTICE,
    "Other stores than before were made to trust the local certificates.",
    ("stores", "count"),
    "`stores`: their kinds, with commas between; `count`: how many stores of these kinds",
)
SITE_ALLOWED: Final = SystemEvent(
    6,
    "site_allowed",
    "29a18121b1c541d280df3634588dda36",
    Severity.INFO,
    "A site may use cards.",
    ("by", "scope", "lasts", SITE),
    "`by`: `citizen`, or `policy` at the first request since the start; `scope`: `card`, or "
    "`blind` for signatures over what cannot be shown; `lasts`: `always` or `now`",
)
SITE_BLOCKED: Final = SystemEvent(
    7,
    "site_blocked",
    "7175359de2eb4fffb6fa091207c0e33a",
    Severity.NOTICE,
    "A site was refused for good.",
    ("by", "scope", SITE),
    "as of `site_allowed`",
)
SIGNATURE_MADE: Final = SystemEvent(
    8,
    "signature_made",
    "e44580131e1a47afad8a0cc63d87b73b",
    Severity.INFO,
    "A key on a card was used.",
    ("kind", "count", "delivered", SITE),
    f"{_KIND}; `count`: of documents; `delivered`: `no` where the page had gone meanwhile",
)
SIGNATURE_REFUSED: Final = SystemEvent(
    9,
    "signature_refused",
    "b0d4100b1cc2405eb6bf3f84f253cdd7",
    Severity.NOTICE,
    "A key was asked for, and not used.",
    ("kind", "code", SITE),
    f"{_KIND}; `code`: of the error, as pages are told it. The same refusal of the same site is "
    "told once in ten minutes",
)
PIN_INCORRECT: Final = SystemEvent(
    10,
    "pin_incorrect",
    "65cb7c63e2984c31ab6c8ffe03394bf1",
    Severity.WARNING,
    "A card refused a PIN.",
    _KEY_FIELDS,
    _KIND,
)
PIN_LOCKED: Final = SystemEvent(
    11,
    "pin_locked",
    "f6902058b4e7485791393e098720a6c6",
    Severity.WARNING,
    "The PIN of a card is locked.",
    _KEY_FIELDS,
    _KIND,
)
LAST_TRY_REFUSED: Final = SystemEvent(
    12,
    "last_try_refused",
    "aa2dd7f114a848209c5042706ca70510",
    Severity.WARNING,
    "One of the last PIN attempts was not spent.",
    _KEY_FIELDS,
    _KIND,
)
VERSION_TOO_OLD: Final = SystemEvent(
    13,
    "version_too_old",
    "4f6bae929b0e4937800cd2d1d4c94de5",
    Severity.ERROR,
    "This version does not sign any more.",
    ("version", "floor"),
    "`floor`: the oldest version that signs",
)

EVENTS: Final = (
    STARTED,
    STOPPED,
    POLICY_CHANGED,
    POLICY_UNUSABLE,
    TRUST_CHANGED,
    SITE_ALLOWED,
    SITE_BLOCKED,
    SIGNATURE_MADE,
    SIGNATURE_REFUSED,
    PIN_INCORRECT,
    PIN_LOCKED,
    LAST_TRY_REFUSED,
    VERSION_TOO_OLD,
)

_HEAD: Final = """\
# For administrators: events

Made of [events.py](../agent/host/events.py) by `python installer/dev.py docs`.

Off unless the policy says `events = "system"`; a user's own `config.toml` may say it too. Then each
agent writes what happens into the system's own log: on Linux the journal (`journalctl -t ankong`;
systemd only), on Windows the log Application, source Ankong, on macOS syslog. No event has a PIN, a
number of a card or a person, a name or a document in it. The site is told with
`events_sites = true` alone. A log that cannot be written, or is slow, never holds the agent: what
waits then is dropped. While the policy cannot be used, events go on as the last usable one said,
without sites.

In the journal each field is called `ANKONG_…`, in capitals, beside `ANKONG_ID`, `ANKONG_EVENT`,
`MESSAGE_ID` and `PRIORITY`. On Windows the number is the event's id, and an insertion string holds
the line that syslog has: name, sentence, then `field=value`. The MSI
names the source's message file, Windows' own one that says "%1" for every id
(`%SystemRoot%\\System32\\EventCreate.exe`, in `EventMessageFile` of
`HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\Ankong`), and takes it away
again; without it, as beside `setup.exe`, the viewer complains of a missing description. What the
viewer shows has not been looked at on Windows.

`signature_made` also tells of logins and decryption: `kind` says which. `ankong sign` and its like
tell of keys, too.

| id | name | priority | what happened | fields | MESSAGE_ID |
| --- | --- | --- | --- | --- | --- |
"""


def render_events() -> str:
    """Return the text of the administrators' document."""
    rows = []
    for event in EVENTS:
        names = ", ".join(f"`{name}`" for name in event.fields)
        fields = f"{names}. {event.meaning}" if event.meaning else names
        severity = f"{event.severity.value} {event.severity.name.lower()}"
        cells = (event.number, f"`{event.name}`", severity, event.text, fields, event.message_id)
        rows.append(f"| {' | '.join(map(str, cells))} |\n")
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    # another way: a file of the checkout, which nobody reads meanwhile
    DOCUMENT.write_text(render_events(), "utf-8")

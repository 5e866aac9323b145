"""The card file: a virtual card as JSON.

Version 1. Bytes are base64; optional objects may be left out; an unknown field is an error::

    {"format": "ankong-virtual-card", "version": 1,
     "notice": "TEST CARD …",                   for whoever opens the file
     "generation": "gen1" | "gen2",
     "serial": "TEST000000000001",              16 ASCII characters, file 0903
     "channel_id": "…",                         10 bytes, gen2's channel keys come from it
     "pin": "123456", "tries_left": 3,          the counter is written back at every change
     "person": {"name": "…", "id_number": "…"},
     "keys": [{"id": "SIGN", "label": "K1", "reference": 1, "private_key": PKCS#8}, …],
     "certificates": [{"id": "ROOTCACert", "label": "ROOT CA Cert", "certificate": DER}, …],
     "options": {"t0": false, "verify_per_signature": null, "strict_channel": false,
                 "old_pin_label": false},
     "faults": {"remove_at": 0, "drop_at": 0, "replace": {"7": "kAA="}, "rsa_delay_ms": 0,
                "max_read": 0, "foreign": 0, "mute": false},
     "files": {"5030/4104": "…"}}               contents instead of those that belong there

Options and faults are those of :mod:`agent.virtualcard.model`. PIN and private keys lie in the
open: it is a test card. The file is written whole and renamed into place, so that a locked card
stays locked.
"""

import base64
import itertools
import json
import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.errors import BadRequestError
from agent.files import replace_file
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.files import CardFilesError
from agent.virtualcard.json_fields import MAX_SIZE, Fields, parse_object
from agent.virtualcard.model import (
    CARD_ID_LENGTH,
    MAX_TRIES,
    CardCertificate,
    CardData,
    CardKey,
    Faults,
    Generation,
    Options,
    Person,
)
from agent.virtualcard.personalise import check_pin
from agent.virtualcard.rsa_key import RsaKey, RsaKeyError

FORMAT = "ankong-virtual-card"
VERSION = 1
NOTICE = "TEST CARD. Its keys and certificates are worth nothing; its PIN lies here in the open."
MAX_OBJECTS = 8  # keys, or certificates
MAX_REFERENCE = 0xFC  # two more records of its key follow
RECORDS_PER_KEY = 4
MAX_CERTIFICATE = 4096  # bytes, so that eight of them stay within the 32 KiB of a file
MAX_FILE = 0x7FFF
MAX_COMMANDS = 1_000_000
MAX_DELAY = 60_000  # milliseconds
_ID = r"[ -~]{1,16}"
_LABEL = r"[^\x00-\x1f\x7f]{1,64}"
_PATH = r"[0-9A-F]{4}(/[0-9A-F]{4}){0,2}"


def dump(data: CardData) -> bytes:
    """Write a card as JSON."""
    faults = asdict(data.faults)
    faults["replace"] = {str(k): _base64(v) for k, v in data.faults.replace.items()}
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "notice": NOTICE,
        "generation": data.generation.value,
        "serial": data.serial,
        "channel_id": _base64(data.channel_id),
        "pin": data.pin.decode("ascii"),
        "tries_left": data.tries_left,
        "person": asdict(data.person),
        "keys": [
            {
                "id": key.id.decode("ascii"),
                "label": key.label,
                "reference": key.reference,
                "private_key": _base64(key.key.to_der()),
            }
            for key in data.keys
        ],
        "certificates": [
            {"id": c.id.decode("ascii"), "label": c.label, "certificate": _base64(c.der)}
            for c in data.certificates
        ],
        "options": asdict(data.options),
        "faults": faults,
        "files": {path: _base64(file) for path, file in data.files.items()},
    }
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def parse(raw: bytes, what: str = "the card file") -> CardData:
    """Read a card.

    Raises:
        BadRequestError: it is none; the detail names the field.
        PinError: its PIN is none.

    """
    fields = parse_object(raw, what)
    fields.text("format", FORMAT)
    fields.number("version", VERSION, VERSION)
    fields.text("notice", r"[\s\S]{0,1000}")
    data = CardData(
        generation=Generation(fields.text("generation", "gen1|gen2")),
        serial=fields.text("serial", r"[ -~]{16}"),
        pin=fields.text("pin", r"[0-9A-Za-z]{1,16}").encode("ascii"),
        keys=tuple(_key(item) for item in fields.children("keys", MAX_OBJECTS)),
        certificates=tuple(
            _certificate(item) for item in fields.children("certificates", MAX_OBJECTS)
        ),
        channel_id=fields.octets("channel_id", CARD_ID_LENGTH, CARD_ID_LENGTH),
        tries_left=fields.number("tries_left", 0, MAX_TRIES),
        person=_person(fields.child("person")),
        options=_options(fields.child("options")),
        faults=_faults(fields.child("faults")),
        files=_files(fields.child("files")),
    )
    fields.end()
    check_pin(data.pin)
    _check_references(data.keys, what)
    return data


def _key(fields: Fields) -> CardKey:
    identifier = fields.text("id", _ID).encode("ascii")
    label = fields.text("label", _LABEL)
    reference = fields.number("reference", 1, MAX_REFERENCE)
    der = fields.octets("private_key", 1, 4096)
    fields.end()
    try:
        return CardKey(identifier, label, reference, RsaKey.from_der(der))
    except RsaKeyError as error:
        raise BadRequestError(f"a private key of the card file: {error}") from error


def _check_references(keys: tuple[CardKey, ...], what: str) -> None:
    references = sorted(key.reference for key in keys)
    pairs = itertools.pairwise(references)
    if any(second - first < RECORDS_PER_KEY for first, second in pairs):
        raise BadRequestError(f"{what}: keys: references less than four apart")


def _certificate(fields: Fields) -> CardCertificate:
    certificate = CardCertificate(
        id=fields.text("id", _ID).encode("ascii"),
        label=fields.text("label", _LABEL),
        der=fields.octets("certificate", 1, MAX_CERTIFICATE),
    )
    fields.end()
    return certificate


def _person(fields: Fields) -> Person:
    person = Person(
        name=fields.text("name", r"[^\x00-\x1f\x7f]{0,64}"),
        id_number=fields.text("id_number", r"[ -~]{0,16}"),
    )
    fields.end()
    return person


def _options(fields: Fields) -> Options:
    options = Options(
        t0=fields.flag("t0"),
        verify_per_signature=fields.flag_or_none("verify_per_signature"),
        strict_channel=fields.flag("strict_channel"),
        old_pin_label=fields.flag("old_pin_label"),
    )
    fields.end()
    return options


def _faults(fields: Fields) -> Faults:
    replace = fields.child("replace")
    faults = Faults(
        remove_at=fields.number("remove_at", 0, MAX_COMMANDS, 0),
        drop_at=fields.number("drop_at", 0, MAX_COMMANDS, 0),
        replace={
            int(number): replace.octets(number, 0, 258)
            for number in replace.names(r"[1-9][0-9]{0,5}", limit=1000)
        },
        rsa_delay_ms=fields.number("rsa_delay_ms", 0, MAX_DELAY, 0),
        max_read=fields.number("max_read", 0, 256, 0),
        foreign=fields.number("foreign", 0, 0xFFFF, 0),
        mute=fields.flag("mute"),
    )
    fields.end()
    return faults


def _files(fields: Fields) -> dict[str, bytes]:
    names = fields.names(_PATH, limit=100)
    return {name: fields.octets(name, 0, MAX_FILE) for name in names}


def save(path: Path, data: CardData) -> None:
    """Write a card file, readable for its owner only.

    Raises:
        OSError: it could not be written; the old file is still there.

    """
    # The citizen's own test card: a link to where it is kept stays a link.
    replace_file(path, dump(data), follow_links=True)


def load(path: Path) -> VirtualCard:
    """Read a card file; the card writes its retry counter back there.

    Raises:
        BadRequestError: there is no such file, or it is no card; the detail says why.

    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadRequestError(f"{path} is not a file")
        with path.open("rb") as file:
            raw = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise BadRequestError(f"{path}: {error.strerror}") from error
    try:
        return VirtualCard(parse(raw, str(path)), lambda data: save(path, data))
    except CardFilesError as error:
        raise BadRequestError(f"{path}: files: {error}") from error

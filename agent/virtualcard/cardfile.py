"""The card file: a virtual card as JSON.

Version 1. Bytes are base64; optional objects may be left out; an unknown field is an error::

    {"format": "ankong-virtual-card", "version": 1,
     "notice": "TEST CARD …",                   for whoever opens the file
     "generation": "gen1" | "gen2" | "piv",
     "serial": "TEST000000000001",              16 ASCII characters, file 0903; piv: the GUID
     "channel_id": "…",                         10 bytes, gen2's channel keys come from it
     "pin": "123456", "tries_left": 3,             the counter is written back at every change
     "person": {"name": "…", "id_number": "…"},
     "keys": [{"id": "SIGN", "label": "K1", "reference": 1, "private_key": PKCS#8}, …],
     "certificates": [{"id": "ROOTCACert", "label": "ROOT CA Cert", "certificate": DER}, …],
     "options": {"t0": false, "verify_per_signature": null, "strict_channel": false,
                 "old_pin_label": false, "extended_length": false},
     "faults": {"remove_at": 0, "drop_at": 0, "replace": {"7": "kAA="}, "rsa_delay_ms": 0,
                "max_read": 0, "foreign": 0, "mute": false},
     "files": {"5030/4104": "…"},               contents instead of those that belong there
     "slots": [{"slot": 156, "private_key": PKCS#8, "certificate": DER, "compressed": false}, …]}
                                                piv: its keys, of which keys and certificates
                                                above have none; 156 is 9C

Options and faults are those of :mod:`agent.virtualcard.model`. PIN and private keys lie in the
open: it is a test card. The file is written whole and renamed into place, so that a locked card
stays locked.
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct, field, structs

from agent import strict_json
from agent.errors import BadRequestError
from agent.files import read_file, replace_file
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.files import CardFilesError
from agent.virtualcard.model import (
    CARD_ID_LENGTH,
    MAX_ATTEMPTS,
    CardData,
    CardKey,
    Faults,
    FilledSlot,
    Generation,
    Options,
    Person,
    VirtualCertificate,
)
from agent.virtualcard.personalise import check_pin
from agent.virtualcard.piv_key import PivKeyError, PivPrivateKey
from agent.virtualcard.rsa_key import RsaKey, RsaKeyError

MAX_SIZE = 1 << 20  # bytes of the file; it has about 10 000
NOTICE = "TEST CARD. Its keys and certificates are worth nothing; its PIN lies here in the open."
MAX_OBJECTS = 8  # keys, or certificates
MAX_REFERENCE = 0xFC  # two more records of its key follow
RECORDS_PER_KEY = 4
MAX_CERTIFICATE = 4096  # bytes, so that eight of them stay within the 32 KiB of a file
MAX_FILE = 0x7FFF
MAX_COMMANDS = 1_000_000
MAX_DELAY = 60_000  # milliseconds
_Id = Annotated[str, Meta(pattern=r"^[ -~]{1,16}\Z")]
_Label = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,64}\Z")]
_Count = Annotated[int, Meta(ge=0, le=MAX_COMMANDS)]
_COMMAND = re.compile(r"[1-9][0-9]{0,5}")
_PATH = re.compile(r"[0-9A-F]{4}(/[0-9A-F]{4}){0,2}")
_OBJECT = re.compile(r"7E|5FC1[0-9A-F]{2}")
_SERIAL = re.compile(r"[ -~]{16}")
_GUID = re.compile(r"[0-9A-F]{32}")


class _Key(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: _Id
    label: _Label
    reference: Annotated[int, Meta(ge=1, le=MAX_REFERENCE)]
    private_key: Annotated[bytes, Meta(min_length=1, max_length=4096)]  # PKCS#8

    @classmethod
    def of(cls, key: CardKey) -> Self:
        return cls(
            id=key.id.decode("ascii"),
            label=key.label,
            reference=key.reference,
            private_key=key.key.to_der(),
        )

    def read(self) -> CardKey:
        """Return the key.

        Raises:
            BadRequestError: it is no RSA-2048 key.

        """
        try:
            key = RsaKey.from_der(self.private_key)
        except RsaKeyError as error:
            raise BadRequestError(f"a private key of the card file: {error}") from error
        return CardKey(self.id.encode("ascii"), self.label, self.reference, key)


class _Certificate(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: _Id
    label: _Label
    certificate: Annotated[bytes, Meta(min_length=1, max_length=MAX_CERTIFICATE)]

    @classmethod
    def of(cls, certificate: VirtualCertificate) -> Self:
        identifier = certificate.id.decode("ascii")
        return cls(id=identifier, label=certificate.label, certificate=certificate.der)

    def read(self) -> VirtualCertificate:
        return VirtualCertificate(self.id.encode("ascii"), self.label, self.certificate)


class _Slot(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    slot: Literal[0x9A, 0x9C, 0x9D, 0x9E]
    private_key: Annotated[bytes, Meta(min_length=1, max_length=4096)]  # PKCS#8
    certificate: Annotated[bytes, Meta(max_length=MAX_CERTIFICATE)]
    compressed: bool = False

    @classmethod
    def of(cls, slot: FilledSlot) -> Self:
        return cls(
            slot=slot.reference,  # type: ignore[arg-type]  # one of the four
            private_key=slot.key.to_der(),
            certificate=slot.certificate,
            compressed=slot.compressed,
        )

    def read(self) -> FilledSlot:
        """Return the slot.

        Raises:
            BadRequestError: its key is none that a PIV card has.

        """
        try:
            key = PivPrivateKey.from_der(self.private_key)
        except PivKeyError as error:
            raise BadRequestError(f"a private key of the card file: {error}") from error
        return FilledSlot(self.slot, key, self.certificate, self.compressed)


class _Person(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{0,64}\Z")]
    id_number: Annotated[str, Meta(pattern=r"^[ -~]{0,16}\Z")]


class _Options(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    t0: bool = False
    verify_per_signature: bool | None = None
    strict_channel: bool = False
    old_pin_label: bool = False
    extended_length: bool = False


class _Faults(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    remove_at: _Count = 0
    drop_at: _Count = 0
    replace: Annotated[
        dict[str, Annotated[bytes, Meta(max_length=258)]], Meta(max_length=1000)
    ] = {}
    rsa_delay_ms: Annotated[int, Meta(ge=0, le=MAX_DELAY)] = 0
    max_read: Annotated[int, Meta(ge=0, le=256)] = 0
    foreign: Annotated[int, Meta(ge=0, le=0xFFFF)] = 0
    mute: bool = False

    def __post_init__(self) -> None:
        _check_names(self.replace, _COMMAND, "no number of a command")

    @classmethod
    def of(cls, faults: Faults) -> Self:
        answers = {str(number): answer for number, answer in faults.replace.items()}
        return cls(**{**asdict(faults), "replace": answers})

    def read(self) -> Faults:
        answers = {int(number): answer for number, answer in self.replace.items()}
        return Faults(**{**structs.asdict(self), "replace": answers})


class _CardFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole file; see the module's docstring."""

    format: Literal["ankong-virtual-card"]
    version: Literal[1]
    notice: Annotated[str, Meta(max_length=1000)]
    generation: Generation
    serial: Annotated[str, Meta(pattern=r"^[ -~]{16,32}\Z")]
    channel_id: Annotated[bytes, Meta(min_length=CARD_ID_LENGTH, max_length=CARD_ID_LENGTH)]
    pin: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,16}\Z")]
    attempts_left: Annotated[int, Meta(ge=0, le=MAX_ATTEMPTS)] = msgspec.field(name="tries_left")
    person: _Person
    keys: Annotated[tuple[_Key, ...], Meta(max_length=MAX_OBJECTS)]
    certificates: Annotated[tuple[_Certificate, ...], Meta(max_length=MAX_OBJECTS)]
    options: _Options = field(default_factory=_Options)
    faults: _Faults = field(default_factory=_Faults)
    files: Annotated[
        dict[str, Annotated[bytes, Meta(max_length=MAX_FILE)]], Meta(max_length=100)
    ] = {}
    slots: Annotated[tuple[_Slot, ...], Meta(max_length=4)] = ()

    def __post_init__(self) -> None:
        is_piv = self.generation is Generation.PIV
        _check_names((self.serial,), _GUID if is_piv else _SERIAL, "no number of such a card")
        if is_piv:
            _check_names(self.files, _OBJECT, "no tag of a data object")
        else:
            _check_names(self.files, _PATH, "no path of a file")
        has_citizen_keys = bool(self.keys or self.certificates)
        if has_citizen_keys if is_piv else self.slots:
            raise ValueError("keys of another kind of card")
        if len({slot.slot for slot in self.slots}) != len(self.slots):
            raise ValueError("two keys in one slot")
        references = sorted(key.reference for key in self.keys)
        pairs = itertools.pairwise(references)
        if any(second - first < RECORDS_PER_KEY for first, second in pairs):
            raise ValueError("keys: references less than four apart")

    @classmethod
    def of(cls, data: CardData) -> Self:
        return cls(
            format="ankong-virtual-card",
            version=1,
            notice=NOTICE,
            generation=data.generation,
            serial=data.serial,
            channel_id=data.channel_id,
            pin=data.pin.decode("ascii"),
            attempts_left=data.attempts_left,
            person=_Person(**asdict(data.person)),
            keys=tuple(map(_Key.of, data.keys)),
            certificates=tuple(map(_Certificate.of, data.certificates)),
            options=_Options(**asdict(data.options)),
            faults=_Faults.of(data.faults),
            files=data.files,
            slots=tuple(map(_Slot.of, data.slots)),
        )

    def read(self) -> CardData:
        return CardData(
            generation=self.generation,
            serial=self.serial,
            pin=self.pin.encode("ascii"),
            keys=tuple(key.read() for key in self.keys),
            certificates=tuple(each.read() for each in self.certificates),
            channel_id=self.channel_id,
            attempts_left=self.attempts_left,
            person=Person(**structs.asdict(self.person)),
            options=Options(**structs.asdict(self.options)),
            faults=self.faults.read(),
            files=self.files,
            slots=tuple(slot.read() for slot in self.slots),
        )


def _check_names(named: Iterable[str], form: re.Pattern[str], what: str) -> None:
    for name in named:
        if form.fullmatch(name) is None:
            raise ValueError(f"{name!r} is {what}")


def dump(data: CardData) -> bytes:
    """Return a card as JSON."""
    return msgspec.json.format(msgspec.json.encode(_CardFile.of(data)), indent=1) + b"\n"


def parse(raw: bytes, what: str = "the card file") -> CardData:
    """Parse a card file.

    Raises:
        BadRequestError: it is not a card file; the detail names the field.
        PinError: its PIN does not have 6 to 8 letters and digits.

    """
    try:
        found = strict_json.decode(raw, _CardFile, limit=MAX_SIZE)
    except ValueError as error:
        raise BadRequestError(
            f"{what}: {error}", said=("cli.error.no_card_file", {"path": what})
        ) from error
    data = found.read()
    check_pin(data.pin, data.generation)
    return data


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
        BadRequestError: there is no such file, or it is not a card file; the detail says why.

    """
    try:
        raw = read_file(path, MAX_SIZE, follow_links=True)
    except OSError as error:
        raise BadRequestError(f"{path}: {error.strerror}") from error
    try:
        return VirtualCard(parse(raw, str(path)), lambda data: save(path, data))
    except CardFilesError as error:
        raise BadRequestError(f"{path}: files: {error}") from error

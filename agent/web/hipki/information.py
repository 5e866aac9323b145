"""Describe readers and cards as the old component does: the ``pkcs11info`` JSON.

Its names are PKCS#11's (v2.20 §9.2: CK_SLOT_INFO, CK_TOKEN_INFO).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

from agent import __version__
from agent.signing.model import CardCertificate, CardPresence, ReaderView
from agent.web.hipki import image
from agent.web.hipki.certificates import certificate_object, in_order, key_objects, without_quotes
from agent.web.hipki.errors import ErrorNumbers, Major

VERSION: Final = "1.3.5.103349"
"""Above every known minimum of pages, compared as text, part by part or without its dots."""

HELPER_VERSION: Final = "2.2.6"
_UNAVAILABLE: Final = 0xFFFFFFFF  # CK_UNAVAILABLE_INFORMATION
_SLOT_FLAGS: Final = 6  # CKF_REMOVABLE_DEVICE | CKF_HW_SLOT
_TOKEN_PRESENT: Final = 1  # CKF_TOKEN_PRESENT
_MODELS: Final = {"gen1": "T7S", "gen2": "GPPKI"}
_TOKEN: Final = {
    "manufacturerID": "Chunghwa Telecom Co., Ltd.",
    "firmwareVersion": 0,
    "hardwareVersion": 0,
    "flags": 1037,  # RNG, LOGIN_REQUIRED, USER_PIN_INITIALIZED and TOKEN_INITIALIZED
    "ulMinPinLen": 6,
    "ulMaxPinLen": 8,
    "ulMaxSessionCount": 0,
    "ulSessionCount": 0,
    "ulMaxRwSessionCount": 0,
    "ulTotalPublicMemory": _UNAVAILABLE,
    "ulFreePublicMemory": _UNAVAILABLE,
    "ulTotalPrivateMemory": _UNAVAILABLE,
    "ulFreePrivateMemory": _UNAVAILABLE,
    "utcTime": "",
}
_LIBRARY: Final = {
    "cryptokiVersion": 2.04,
    "libraryVersion": 1.001,
    "libraryDescription": "Ankong",
    "manufacturerID": "Ankong",
    "flags": 0,
    "version": HELPER_VERSION,
}


@dataclass(frozen=True, slots=True)
class CardContents:
    """What is on one card, as far as the asking site may know it.

    Attributes:
        serial: the card's number; empty when it is not known, or the site may not know it.
        certificates: all of them; empty when they were not asked for.

    """

    serial: str = ""
    certificates: tuple[CardCertificate, ...] = ()

    @classmethod
    def by_reader(cls, certificates: Iterable[CardCertificate]) -> dict[str, Self]:
        """Group the certificates of several cards by reader."""
        found: dict[str, list[CardCertificate]] = {}
        for certificate in certificates:
            found.setdefault(certificate.reader, []).append(certificate)
        return {reader: cls(group[0].card_serial, tuple(group)) for reader, group in found.items()}


@dataclass(frozen=True, slots=True)
class Slot:
    """One reader and what is known of its card.

    Attributes:
        number: from 0, in the order of the readers.
        reader: as it was last seen.
        contents: None without a card that we can use: pages count such cards.

    """

    number: int
    reader: ReaderView
    contents: CardContents | None

    @classmethod
    def of(cls, number: int, reader: ReaderView, contents: CardContents | None) -> Self:
        """Combine a reader with what was read from its card; None where nothing was."""
        has_card = reader.state is CardPresence.CARD
        return cls(number, reader, (contents or CardContents()) if has_card else None)

    @property
    def name(self) -> str:
        """The reader's name as pages get it."""
        return without_quotes(self.reader.name)

    def has_card(self, number: str) -> bool:
        """Return whether the card's number is this one; upper and lower case are the same."""
        return self.contents is not None and self.contents.serial.upper() == number.upper()


def information(
    slots: Iterable[Slot],
    outcome: ErrorNumbers | None = None,
    *,
    version: str = VERSION,
    with_certificates: bool = False,
) -> dict[str, Any]:
    """Return the whole ``pkcs11info`` object.

    Args:
        slots: in the order of the readers.
        outcome: success when None.
        version: of us, as pages are told it.
        with_certificates: whether tokens have ``certs`` and ``keys``.

    """
    return {
        **_head(version, outcome),
        **_LIBRARY,
        "installedModule": [{"description": "HiPKILocalSignServer", "version": version}],
        "slots": [_slot(slot, _token(slot, with_certificates)) for slot in slots],
    }


@lru_cache(maxsize=16)
def information_image(
    slots: tuple[Slot, ...], version: str = VERSION, outcome: ErrorNumbers | None = None
) -> bytes:
    """Return the description without certificates as an image, or as much of it as fits.

    Some pages see only the first 1946 bytes: when the text is longer, fields that no page is known
    to read are left out; and when it does not fit the image, the last readers.
    """
    text = _compact(information(slots, outcome, version=version))
    if len(text) <= image.READABLE_BY_ALL:
        return image.encode(text)
    while True:
        short = {**_head(version, outcome), "slots": [_short_slot(slot) for slot in slots]}
        text = _compact(short)
        if len(text) <= image.CAPACITY:
            return image.encode(text)
        slots = slots[:-1]


def _compact(described: dict[str, Any]) -> str:
    return json.dumps(described, ensure_ascii=True, separators=(",", ":"))


def _head(version: str, outcome: ErrorNumbers | None) -> dict[str, Any]:
    return {
        "func": "pkcs11info",
        **(outcome or ErrorNumbers(Major.SUCCESS)).fields(),
        "serverVersion": version,
        "product": "ankong",
        "productVersion": __version__,
    }


def _slot(slot: Slot, token: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "slotDescription": slot.name,
        "slotID": slot.number,
        "flags": _SLOT_FLAGS | (_TOKEN_PRESENT if token else 0),
        "manufacturerID": "unKnow",
        "firmwareVersion": 0,
        "hardwareVersion": 0,
        "token": token,
    }


def _short_slot(slot: Slot) -> dict[str, Any]:
    token = (
        None if slot.contents is None else {"serialNumber": without_quotes(slot.contents.serial)}
    )
    return {"slotDescription": slot.name, "slotID": slot.number, "token": token}


def _token(slot: Slot, with_certificates: bool) -> dict[str, Any] | None:
    contents = slot.contents
    if contents is None:
        return None
    token = {
        "label": "HiCOS PKI Smart Card",
        "model": _MODELS.get(slot.reader.generation or "", ""),
        "serialNumber": without_quotes(contents.serial),
        **_TOKEN,
    }
    if with_certificates:
        listed = in_order(contents.certificates)
        token["certs"] = [certificate_object(each) for each in listed]
        token["keys"] = key_objects(listed)
    return token

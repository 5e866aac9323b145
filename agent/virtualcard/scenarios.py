"""Prepared cards, one for each situation that a page, an agent or a person may meet."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agent.errors import BadRequestError
from agent.iso7816.tlv import encode
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer, Validity
from agent.virtualcard.model import (
    ID_SIGN,
    CardData,
    Faults,
    Generation,
    Options,
    VirtualCertificate,
)
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.piv_key import PivKeyKind
from agent.virtualcard.rsa_key import RsaKey

NAME = "王測試"
PIN = "123456"
CERTIFICATE_DIRECTORY = "5030/4104"
_PATH = bytes.fromhex("3F0050304104")  # of that directory itself


def _as_it_is(data: CardData) -> CardData:
    return data


@dataclass(frozen=True, slots=True)
class Scenario:
    """One prepared card.

    Attributes:
        name: by which it is asked for; the catalogue says under it what the card is good for.
        generation: which card it is.
        wanted: fields of the :class:`agent.virtualcard.personalise.Order`.
        change: what happens to the card after it was made.

    """

    name: str
    generation: Generation = Generation.GEN1
    wanted: dict[str, Any] = field(default_factory=dict)
    change: Callable[[CardData], CardData] = _as_it_is


def make_scenario(
    name: str, issuer: TestIssuer, keys: tuple[RsaKey, RsaKey] | None = None
) -> CardData:
    """Return the prepared card of a name; holder 王測試, PIN 123456.

    Raises:
        BadRequestError: there is no such scenario.

    """
    for number, scenario in enumerate(SCENARIOS):
        if scenario.name == name:
            order = Order(
                generation=scenario.generation,
                name=NAME,
                id_number=generate_id_number(number),
                pin=PIN.encode("ascii"),
                **scenario.wanted,
            )
            return scenario.change(personalise(order, issuer, keys))
    names = ", ".join(scenario.name for scenario in SCENARIOS)
    said = ("cli.error.no_scenario", {"name": name, "names": names})
    raise BadRequestError(f"no such scenario; there are: {names}", said=said)


def _garbage_certificate(data: CardData) -> CardData:
    """Replace the content of the signing certificate, but not the header of its outer SEQUENCE."""
    certificates = tuple(
        VirtualCertificate(c.id, c.label, c.der[:4] + b"\xa5" * (len(c.der) - 4))
        if c.id == ID_SIGN
        else c
        for c in data.certificates
    )
    return replace(data, certificates=certificates)


def _without_certificates(data: CardData) -> CardData:
    slots = tuple(replace(slot, certificate=b"") for slot in data.slots)
    return replace(data, certificates=(), slots=slots)


def _directory(content: bytes) -> dict[str, Any]:
    return {"files": {CERTIFICATE_DIRECTORY: content}}


def _loop() -> bytes:
    """Make the directory entry of the signing certificate point to the directory itself."""
    place = encode(0x04, _PATH) + encode(0x02, b"\x00") + encode(0x80, b"\x04\x00")
    entry = encode(
        0x30,
        encode(0x30, encode(0x0C, b"cert1"))
        + encode(0x30, encode(0x04, ID_SIGN))
        + encode(0xA1, encode(0x30, encode(0x30, place))),
    )
    return entry * (0x7000 // len(entry))


_GEN2 = Generation.GEN2
_PIV = Generation.PIV

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "gen1",
    ),
    Scenario(
        "gen2",
        _GEN2,
    ),
    Scenario(
        "piv",
        _PIV,
    ),
    Scenario(
        "piv-ec",
        _PIV,
        {"key": PivKeyKind.P256},
    ),
    Scenario(
        "expired",
        wanted={"validity": Validity.EXPIRED},
    ),
    Scenario(
        "not-yet-valid",
        wanted={"validity": Validity.NOT_YET},
    ),
    Scenario(
        "revoked",
        wanted={"validity": Validity.REVOKED},
    ),
    Scenario(
        "one-try-left",
        wanted={"attempts_left": 1},
    ),
    Scenario(
        "locked",
        wanted={"attempts_left": 0},
    ),
    Scenario(
        "locked-gen2",
        _GEN2,
        {"attempts_left": 0},
    ),
    Scenario(
        "piv-locked",
        _PIV,
        {"attempts_left": 0, "key": PivKeyKind.P256},
    ),
    Scenario(
        "t0",
        wanted={"options": Options(t0=True)},
    ),
    Scenario(
        "t0-gen2",
        _GEN2,
        {"options": Options(t0=True)},
    ),
    Scenario(
        "strict-channel",
        _GEN2,
        {"options": Options(strict_channel=True)},
    ),
    Scenario(
        "slow",
        wanted={"faults": Faults(rsa_delay_ms=3000)},
    ),
    Scenario(
        "short-reads",
        wanted={"faults": Faults(max_read=16)},
    ),
    Scenario(
        "pulled",
        wanted={"faults": Faults(remove_at=20)},
    ),
    Scenario(
        "lost-response",
        wanted={"faults": Faults(drop_at=20)},
    ),
    Scenario(
        "foreign",
        wanted={"faults": Faults(foreign=0x6D00)},
    ),
    Scenario(
        "mute",
        wanted={"faults": Faults(mute=True)},
    ),
    Scenario(
        "garbage-certificate",
        change=_garbage_certificate,
    ),
    Scenario(
        "no-certificates",
        change=_without_certificates,
    ),
    Scenario(
        "piv-no-cert",
        _PIV,
        {"key": PivKeyKind.P256},
        _without_certificates,
    ),
    Scenario(
        "directory-length",
        wanted=_directory(bytes.fromhex("3084FFFFFFFF") + bytes(250)),
    ),
    Scenario(
        "directory-loop",
        wanted=_directory(_loop()),
    ),
    Scenario(
        "directory-endless",
        wanted=_directory(b"\x30\x00" * 0x3800),
    ),
)
"""All prepared cards, the good ones first."""

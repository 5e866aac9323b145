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
        name: of the scenario.
        zh, en: its use, in one sentence each.
        generation: which card it is.
        wanted: fields of the :class:`agent.virtualcard.personalise.Order`.
        change: what happens to the card after it was made.

    """

    name: str
    zh: str
    en: str
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
    raise BadRequestError(f"no such scenario; there are: {names}")


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
    return replace(data, certificates=())


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

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "gen1",
        "第一代（HiCOS）自然人憑證卡，一切正常。",
        "A first-generation (HiCOS) citizen card; everything is in order.",
    ),
    Scenario(
        "gen2",
        "第二代（GPPKI）自然人憑證卡，一切正常。",
        "A second-generation (GPPKI) citizen card; everything is in order.",
        _GEN2,
    ),
    Scenario(
        "expired",
        "憑證昨天到期。",
        "The certificates expired yesterday.",
        wanted={"validity": Validity.EXPIRED},
    ),
    Scenario(
        "not-yet-valid",
        "憑證明天才生效。",
        "The certificates become valid tomorrow.",
        wanted={"validity": Validity.NOT_YET},
    ),
    Scenario(
        "revoked",
        "憑證已廢止，列在測試憑證機構的廢止清冊上。",
        "The certificates are revoked: they are on the test authority's revocation list.",
        wanted={"validity": Validity.REVOKED},
    ),
    Scenario(
        "one-try-left",
        "PIN 碼只剩一次機會，再錯就鎖卡。",
        "One PIN try is left; one more mistake locks the card.",
        wanted={"tries_left": 1},
    ),
    Scenario(
        "locked",
        "PIN 碼已鎖，只有發卡機關能解鎖。",
        "The PIN is locked; only the issuer could unlock it.",
        wanted={"tries_left": 0},
    ),
    Scenario(
        "locked-gen2",
        "第二代卡，PIN 碼已鎖。",
        "A second-generation card whose PIN is locked.",
        _GEN2,
        {"tries_left": 0},
    ),
    Scenario(
        "t0",
        "透過 T=0 讀卡機的第一代卡：回應 61xx 與 6Cxx。",
        "A first-generation card behind a T=0 reader: it answers 61xx and 6Cxx.",
        wanted={"options": Options(t0=True)},
    ),
    Scenario(
        "t0-gen2",
        "透過 T=0 讀卡機的第二代卡：回應 61xx 與 6Cxx。",
        "A second-generation card behind a T=0 reader: it answers 61xx and 6Cxx.",
        _GEN2,
        {"options": Options(t0=True)},
    ),
    Scenario(
        "strict-channel",
        "第二代卡，安全通道開啟後拒絕明文指令。",
        "A second-generation card that refuses plain commands while the channel is open.",
        _GEN2,
        {"options": Options(strict_channel=True)},
    ),
    Scenario(
        "slow",
        "每次簽章要三秒的慢卡。",
        "A slow card: every signature takes three seconds.",
        wanted={"faults": Faults(rsa_delay_ms=3000)},
    ),
    Scenario(
        "short-reads",
        "讀卡機不接受長讀取：超過 16 位元組就回 6987。",
        "A reader that takes no long reads: more than 16 bytes are answered 6987.",
        wanted={"faults": Faults(max_read=16)},
    ),
    Scenario(
        "pulled",
        "執行第 20 個指令時卡片被抽走。",
        "The card is pulled out at its 20th command.",
        wanted={"faults": Faults(remove_at=20)},
    ),
    Scenario(
        "lost-response",
        "第 20 個指令的回應遺失。",
        "The response to the 20th command is lost.",
        wanted={"faults": Faults(drop_at=20)},
    ),
    Scenario(
        "foreign",
        "不是我們認得的卡：對所有指令回 6D00。",
        "A card that is none of ours: it answers 6D00 to everything.",
        wanted={"faults": Faults(foreign=0x6D00)},
    ),
    Scenario(
        "mute",
        "卡片插反了：沒有任何回應。",
        "The card is the wrong way round: it answers nothing at all.",
        wanted={"faults": Faults(mute=True)},
    ),
    Scenario(
        "garbage-certificate",
        "簽章憑證的內容是亂碼。",
        "The signing certificate is garbage.",
        change=_garbage_certificate,
    ),
    Scenario(
        "no-certificates",
        "卡片上沒有任何憑證。",
        "There is no certificate on the card.",
        change=_without_certificates,
    ),
    Scenario(
        "directory-length",
        "憑證目錄檔宣稱荒謬的長度。",
        "The certificate directory claims an absurd length.",
        wanted=_directory(bytes.fromhex("3084FFFFFFFF") + bytes(250)),
    ),
    Scenario(
        "directory-loop",
        "憑證目錄檔不斷指向自己。",
        "The certificate directory points at itself, again and again.",
        wanted=_directory(_loop()),
    ),
    Scenario(
        "directory-endless",
        "憑證目錄檔有一萬多個空項目。",
        "The certificate directory has more than ten thousand empty entries.",
        wanted=_directory(b"\x30\x00" * 0x3800),
    ),
)
"""All prepared cards, the good ones first."""

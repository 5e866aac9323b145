"""Which card a page means, what it reads of it, and whom the card answers for."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from agent.cms.encrypted_content import AesCbc
from agent.cms.sealing import seal
from agent.consent.questions import ChooseCard
from agent.pki.reading import read_certificate
from agent.signing.model import CardPresence
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.model import ID_KEYX, ID_SIGN
from agent.web.jrsys import component
from agent.web.jrsys.chosen_cards import CHOICE_SECONDS, ChosenCards
from tests.signing.attempts_support import Windows, verifies
from tests.web.conftest import SITE, STRANGER
from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import FIRST, PIN, SECOND, WRONG_PIN, JrsysRig, newer, older, p11

CardFactory = Callable[..., VirtualCard]
DIGEST: Final = "41" * 32


def der(card: VirtualCard, key: bytes = ID_SIGN) -> bytes:
    (found,) = (each.der for each in card.data.certificates if each.id == key)
    return found


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(component, "ChosenCards", lambda: ChosenCards(made))
    return made


@pytest.fixture
async def two(start_rig: RigFactory, make_card: CardFactory, clock: Clock) -> JrsysRig:
    """Two cards, which a page's two sites have never used."""
    assert clock.now
    first, second = make_card(), make_card("gen2", id_number=generate_id_number(7))
    for card in (first, second):
        card.trace.recording = True
    return await start_rig(first, second, allowed=(SITE, STRANGER), windows=Choosing())


def other_card(rig: JrsysRig) -> VirtualCard:
    card = rig.cards[1]
    assert card is not None
    return card


async def serial(rig: JrsysRig, site: str = SITE) -> str:
    answer = await rig.call(p11("GetSmartCardSnP11"), site)
    assert answer["RV"] == 0
    return str(answer["Message"])


@pytest.mark.parametrize("by_certificate", [False, True])
async def test_a_site_means_the_card_that_it_named(
    two: JrsysRig, clock: Clock, by_certificate: bool
) -> None:
    wanted = other_card(two)
    named = wanted.data.serial
    if by_certificate:
        named = read_certificate(der(wanted, ID_KEYX)).serial_hex.lower()
    assert (await two.call(p11("SelectSmartCardP11", HexSN=named)))["RV"] == 0
    assert await serial(two) == wanted.data.serial
    exported = await two.call(p11("ExportCertToHexP11"))
    assert exported["Message"] == der(wanted).hex().upper()
    signed = await two.call(p11("RsaSignedDataP11", DigestAlg=7, Data2BSigned="text", PIN=PIN))
    assert signed["SignerCert"] == exported["Message"]
    assert verifies(two.card) == 0
    assert await serial(two, STRANGER) == two.card.data.serial  # another site's first card
    clock.now += CHOICE_SECONDS
    assert await serial(two) == two.card.data.serial


async def test_a_choice_goes_with_its_card(two: JrsysRig) -> None:
    named = other_card(two).data.serial
    assert (await two.call(p11("SelectSmartCardP11", HexSN=named)))["RV"] == 0
    two.provider.remove(SECOND)
    state = lambda: two.service.snapshot().readers[1].state  # noqa: E731
    await two.agent.until(lambda: state() is CardPresence.EMPTY)
    assert await serial(two) == two.card.data.serial
    two.provider.insert(SECOND, other_card(two))
    await two.agent.until(lambda: state() is CardPresence.CARD)
    assert await serial(two) == two.card.data.serial


class Choosing(Windows):
    """A citizen who takes the second card."""

    def answer(self, prompt: object) -> object:
        if isinstance(prompt, ChooseCard):
            self.asked.append("card")
            return prompt.cards[1]
        return super().answer(prompt)


async def test_a_page_s_pin_goes_to_the_card_that_the_citizen_chose(two: JrsysRig) -> None:
    wrong = p11("RsaSignedDataP11", DigestAlg=7, Data2BSigned="text", PIN=WRONG_PIN)
    assert (await two.call(wrong))["RV"] == 160
    assert two.windows.asked == ["card"]
    assert (verifies(two.card), verifies(other_card(two))) == (0, 1)


async def test_another_card_s_number_is_refused_before_any_pin(
    start_rig: RigFactory, make_card: CardFactory
) -> None:
    rig = await start_rig(make_card())
    rig.card.trace.recording = True
    method = "RsaSignedDataWithContentDigestP11NetForm"
    own = read_certificate(der(rig.card)).serial_hex
    fields = {"DigestAlg": 7, "Digest2BSignHex": DIGEST, "PIN": WRONG_PIN}
    for number in ("00", "1234", own[:-2] + "ff" + own[-2:]):
        assert (await rig.call(p11(method, HexSN=number, **fields)))["RV"] == 130
    assert (await rig.call(p11("SelectSmartCardP11", HexSN="1234")))["RV"] == 130
    assert (verifies(rig.card), rig.windows.asked) == (0, [])
    good = await rig.call(p11(method, HexSN=own, **{**fields, "PIN": PIN}))
    assert good["RV"] == 0


@pytest.mark.parametrize(("length", "algorithm"), [(20, 7), (32, 0), (31, 7), (0, 7), (48, 7)])
async def test_a_digest_has_the_length_of_its_algorithm(
    start_rig: RigFactory, make_card: CardFactory, length: int, algorithm: int
) -> None:
    rig = await start_rig(make_card())
    fields = {"DigestAlg": algorithm, "Digest2BSignHex": "41" * length, "PIN": PIN}
    assert (await rig.call(p11("RsaSignedDataWithContentDigestP11", **fields)))["RV"] == 32
    assert rig.tries == 3


async def test_what_is_told_of_all_cards(two: JrsysRig) -> None:
    told = await two.call(p11("GetAllSmartCardInfoP11"))
    tokens = json.loads(told["Message"])
    assert [each["serialNumber"] for each in tokens] == [
        two.card.data.serial,
        other_card(two).data.serial,
    ]
    assert [(each["label"], each["model"]) for each in tokens] == [
        (FIRST, "gen1"),
        (SECOND, "gen2"),
    ]
    everything = (await two.call(p11("ExportAllCertToHexP11")))["Message"].split(",")
    assert der(two.card).hex().upper() in everything
    assert der(two.card, ID_KEYX).hex().upper() in everything
    assert two.windows.asked == []


async def test_a_login_proves_the_pin_and_keeps_nothing(
    start_rig: RigFactory, make_card: CardFactory
) -> None:
    rig = await start_rig(make_card())
    answer = await rig.call(p11("LoginSmartCardP11", PIN=WRONG_PIN))
    assert (answer["RV"], answer["Message"], answer["Signature"]) == (0, "", "")
    assert rig.windows.asked == ["pin 3"]
    rig.windows.begin()
    assert (await rig.call(p11("RsaSignedDataP11", Data2BSigned="text")))["RV"] == 0
    assert rig.windows.asked == ["pin 3"]


@pytest.mark.parametrize(("plain", "number"), [("機密\U000f0001".encode(), 0), (b"\xff\xfe", 64)])
async def test_what_was_encrypted_for_the_card(
    start_rig: RigFactory, make_card: CardFactory, plain: bytes, number: int
) -> None:
    rig = await start_rig(make_card())
    envelope = seal(plain, der(rig.card, ID_KEYX), AesCbc.AES_256).hex()
    answer = await rig.call(p11("RsaDecryptP11", HexP7EnvelopedData=envelope, PIN=PIN))
    assert answer["RV"] == number
    if not number:
        assert answer["Message"] == plain.decode()
    assert rig.tries == 3


async def test_what_is_encrypted_for_nobody_else(
    start_rig: RigFactory, make_card: CardFactory
) -> None:
    rig = await start_rig(make_card())
    sealed = await rig.call(p11("RsaEncryptP11", SKeyAlg=1, Data2BEncrypted="機密", HexCert=""))
    assert sealed["RV"] == 0
    opened = await rig.call(p11("RsaDecryptP11", HexP7EnvelopedData=sealed["Message"], PIN=PIN))
    assert opened["Message"] == "機密"


async def test_the_card_answers_for_the_system_s_store(
    start_rig: RigFactory, make_card: CardFactory
) -> None:
    rig = await start_rig(make_card())
    facts = read_certificate(der(rig.card))
    (unit, *_) = [part[3:] for part in facts.issuer.split(",") if part.startswith("OU=")] or [""]
    matching: list[dict[str, Any]] = [
        {},
        {"CN": facts.subject_cn},
        {"HexSerialNum": facts.serial_hex.lower()},
        {"HexSerialNum": "00" + facts.serial_hex},
        {"IssuerName": facts.issuer},
        {"CN": facts.subject_cn, "OU": "", "HexSerialNum": "", "IssuerName": ""},
    ]
    others: list[dict[str, Any]] = [
        {"CN": (facts.subject_cn or "")[:-1]},
        {"CN": "CN=" + (facts.subject_cn or "")},
        {"OU": "no such unit"},
        {"HexSerialNum": facts.serial_hex[:-1]},
        {"IssuerName": "another" + unit},
        {"CN": facts.subject_cn, "HexSerialNum": "1234"},
    ]
    for fields in matching:
        rig.windows.begin()
        asked = newer("RsaSignedData", "ComMSCapiPara", Data2BSignHex="41", DigestAlgId=7, **fields)
        assert (await rig.call(asked))["RV"] == 0, fields
    rig.windows.begin()
    for fields in others:
        asked = newer("RsaSignedData", "ComMSCapiPara", Data2BSignHex="41", DigestAlgId=7, **fields)
        assert (await rig.call(asked))["RV"] == 130, fields
    assert (await rig.call(older("SignUseSn", {"sn": "1234", "data2BSigned": "a"})))["RV"] == 130
    assert rig.windows.asked == []

"""What pages read of readers, cards and certificates."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agent.consent.permissions import Permission
from agent.origin import Origin
from agent.pki.reading import read_certificate
from agent.signing.model import CardCertificate
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from agent.web.hipki.certificates import certificate_object, in_order, without_quotes
from agent.web.hipki.information import VERSION
from tests.web.hipki.rig import FIRST, SECOND, SITE, Rig
from tests.web.hipki.test_image import read_as_text, read_pixels

CardFactory = Callable[..., VirtualCard]
MINIMUMS = ("1.3.4.103328", "1.3.4.103349", "1.3.4.13", "1.3.4.3", "1.3.4.103319", "1.3.1")


def listing(rig: Rig, query: str = "withcert=true") -> dict[str, Any]:
    return rig.get(f"/pkcs11info?{query}").json


@pytest.mark.parametrize("minimum", MINIMUMS)
def test_our_version_is_above_every_minimum_however_it_is_compared(minimum: str) -> None:
    assert minimum < VERSION
    parts = [[int(part) for part in version.split(".")] for version in (minimum, VERSION)]
    assert parts[0] < parts[1]
    assert int(minimum.replace(".", "")) < int(VERSION.replace(".", ""))


def test_certificates_come_in_the_order_that_pages_rely_on(
    make_card: CardFactory, generation: str
) -> None:
    card = make_card(generation)
    with Rig(card) as rig:
        token = listing(rig)["slots"][0]["token"]
    assert token["serialNumber"] == card.data.serial
    assert [each["label"] for each in token["certs"]] == [
        "ROOT CA Cert",
        "CA Cert",
        "cert1",
        "cert2",
    ]
    assert [each["id"] for each in token["certs"]] == [
        "Uk9PVENBQ2VydA==",
        "Q0FDZXJ0",
        "U0lHTg==",
        "S0VZWA==",
    ]
    assert [each["usage"] for each in token["certs"]] == [
        "keyCertSign|cRLSign",
        "keyCertSign|cRLSign",
        "digitalSignature",
        "keyEncipherment|dataEncipherment",
    ]


def test_each_field_says_what_the_certificate_says(make_card: CardFactory) -> None:
    with Rig(make_card()) as rig:
        found = listing(rig)["slots"][0]["token"]["certs"][2]
    raw = base64.b64decode(found["certb64"])
    real = x509.load_der_x509_certificate(raw)
    assert found["thumbprint"] == hashlib.sha1(raw, usedforsecurity=False).hexdigest().upper()
    assert int(found["sn"], 16) == real.serial_number
    assert found["sn"] == found["sn"].upper()
    assert found["notBeforeT"] == int(real.not_valid_before_utc.timestamp())
    assert found["notAfterT"] == int(real.not_valid_after_utc.timestamp())
    assert found["notAfter"] == real.not_valid_after_utc.strftime("%y%m%d%H%M%SZ")
    assert found["signatureAlgorithm"] == "1.2.840.113549.1.1.11"
    assert found["subjectCN"] == "王測試"
    assert found["subjectDN"].startswith("C=TW,CN=王測試,serialNumber=")
    assert found["subjectDN"].split(",")[-1].split("=")[1].isdigit()
    assert len(found["subjectID"]) == 4


def test_authorities_have_no_citizen_s_fields(make_card: CardFactory) -> None:
    with Rig(make_card()) as rig:
        for found in listing(rig)["slots"][0]["token"]["certs"][:2]:
            assert not {"subjectID", "email"} & set(found)


def test_keys_are_listed_as_public_keys(make_card: CardFactory, generation: str) -> None:
    with Rig(make_card(generation)) as rig:
        token = listing(rig)["slots"][0]["token"]
    assert [(each["label"], each["type"]) for each in token["keys"]] == [("K1", 0), ("K2", 0)]
    for key, found in zip(token["keys"], token["certs"][2:], strict=True):
        assert key["id"] == found["id"]
        raw = base64.b64decode(key["keyb64"])
        assert len(raw) == 270
        real = x509.load_der_x509_certificate(base64.b64decode(found["certb64"]))
        assert load_der_public_key(raw) == real.public_key()


def test_a_stranger_s_certificate_does_not_come_last(make_card: CardFactory) -> None:
    with Rig(make_card()) as rig:
        certs = listing(rig)["slots"][0]["token"]["certs"]
    facts = read_certificate(base64.b64decode(certs[0]["certb64"]))
    ids = ["KEYX", "OTHER", "SIGN", "ROOTCACert", "CACert"]
    sorted_ids = in_order(CardCertificate(facts, FIRST, each, "x", "y") for each in ids)
    assert [each.id for each in sorted_ids] == ["ROOTCACert", "CACert", "OTHER", "SIGN", "KEYX"]
    assert certificate_object(sorted_ids[2])["label"] == "x"


def test_without_certificates_there_are_none(make_card: CardFactory) -> None:
    with Rig(make_card()) as rig:
        for query in ("", "withcert=false"):
            token = listing(rig, query)["slots"][0]["token"]
            assert not {"certs", "keys"} & set(token)
            assert token["flags"] == 1037


def test_no_token_is_null_whatever_the_reason(make_card: CardFactory) -> None:
    cards = (None, make_card(faults=Faults(foreign=0x6E00)), make_card(faults=Faults(mute=True)))
    with Rig(*cards) as rig:
        found = listing(rig)
    assert found["ret_code"] == 0
    assert [slot["token"] for slot in found["slots"]] == [None, None, None]


def test_a_mute_card_alone_is_no_token(make_card: CardFactory) -> None:
    with Rig(make_card(faults=Faults(mute=True))) as rig:
        found = listing(rig)
    assert (found["ret_code"], [slot["token"] for slot in found["slots"]]) == (0, [None])


def test_without_a_reader_slots_is_an_empty_list() -> None:
    with Rig() as rig:
        assert listing(rig, "")["slots"] == []
        found = listing(rig)
        assert (found["ret_code"], found["slots"]) == (0x76100003, [])
        rig.provider.set_service(False)
        assert listing(rig)["slots"] == []


def test_one_of_two_cards_does_not_hide_the_other(make_card: CardFactory) -> None:
    good, bad = make_card("gen1"), make_card("gen2")
    with Rig(good, bad) as rig:
        found = listing(rig)
        serials = [slot["token"]["serialNumber"] for slot in found["slots"]]
        assert serials == [good.data.serial, bad.data.serial]
        rig.provider.hold(SECOND)
        slots = listing(rig)["slots"]
        assert len(slots[0]["token"]["certs"]) == 4
        assert slots[1]["token"]["certs"] == []


def test_a_card_that_was_not_read_is_not_called_empty(make_card: CardFactory) -> None:
    with Rig(make_card("gen1"), make_card("gen2")) as rig:
        rig.provider.hold(SECOND)
        query = "withcert=true&slotDescription={}"
        found = listing(rig, query.format(SECOND.replace(" ", "%20")))
        assert (found["ret_code"], len(found["slots"])) == (0x76100005, 1)
        found = listing(rig, query.format(FIRST.replace(" ", "%20")))
        assert (found["ret_code"], len(found["slots"][0]["token"]["certs"])) == (0, 4)


def test_a_reader_can_be_asked_for_by_name(make_card: CardFactory) -> None:
    with Rig(make_card(), make_card()) as rig:
        (slot,) = listing(rig, f"withcert=true&slotDescription={SECOND.replace(' ', '%20')}")[
            "slots"
        ]
        assert (slot["slotDescription"], slot["slotID"]) == (SECOND, 1)
        assert len(listing(rig, "slotDescription=0")["slots"]) == 2
        assert listing(rig, "slotDescription=other")["slots"] == []
        package = b"tbsPackage=" + json.dumps({"slotDescription": SECOND}).encode()
        (slot,) = rig.request("POST", "/pkcs11info?withcert=true", package).json["slots"]
        assert (slot["slotDescription"], len(slot["token"]["certs"])) == (SECOND, 4)
        for odd in (b"withcert=true", b"\xff", b"[]"):
            assert len(rig.request("POST", "/pkcs11info", odd).json["slots"]) == 2


@pytest.mark.parametrize("with_certificates", ["true", "false"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_card_can_be_asked_for_by_its_number(
    make_card: CardFactory, number: int, with_certificates: str
) -> None:
    cards = make_card("gen1"), make_card("gen2")
    wanted = cards[number].data.serial
    with Rig(*cards, None) as rig:
        for given in (wanted, f"%20{wanted.lower()}%20"):
            query = f"withcert={with_certificates}&cardid={given}"
            (slot,) = listing(rig, query)["slots"]
            assert (slot["slotID"], slot["token"]["serialNumber"]) == (number, wanted)
        for nothing in ("", "0", "undefined"):
            query = f"withcert={with_certificates}&cardid={nothing}"
            assert len(listing(rig, query)["slots"]) == 3


def test_no_other_card_is_read_than_the_one_that_is_named(make_card: CardFactory) -> None:
    first, second = make_card("gen1"), make_card("gen2")
    absent = f"withcert=true&cardid={make_card().data.serial}"
    with Rig(first, second) as rig:
        elsewhere = f"withcert=true&slotDescription={FIRST.replace(' ', '%20')}&cardid="
        for query in (absent, elsewhere + second.data.serial):
            found = listing(rig, query)
            assert (found["ret_code"], found["slots"]) == (0x82000116, [])
        # What is there now, a page is told all the same: its number may be of a card long gone.
        found = listing(rig, absent.replace("true", "false"))
        assert (found["ret_code"], len(found["slots"])) == (0, 2)
    with Rig(None) as rig:
        found = listing(rig, absent)
        assert (found["ret_code"], [slot["token"] for slot in found["slots"]]) == (0, [None])


def test_a_card_that_could_not_be_read_may_be_the_named_one(make_card: CardFactory) -> None:
    with Rig(make_card("gen1"), make_card("gen2")) as rig:
        rig.provider.hold(SECOND)
        found = listing(rig, f"withcert=true&cardid={make_card().data.serial}")
    assert (found["ret_code"], len(found["slots"])) == (0x76100005, 1)
    assert found["slots"][0]["slotDescription"] == SECOND


def test_a_card_without_certificates_has_its_number_in_every_answer(
    make_card: CardFactory,
) -> None:
    card = VirtualCard(replace(make_card().data, certificates=()))
    with Rig(card) as rig:
        image = json.loads(read_pixels(rig.get("/p11Image.bmp").body))
        for found in (image, listing(rig, ""), listing(rig)):
            assert found["slots"][0]["token"]["serialNumber"] == card.data.serial


def test_texts_can_be_pasted_between_quotation_marks() -> None:
    for text in ('a"b', "a\\b", "a\nb", "\x00\x1f", "\u202e", "\ud800"):
        assert json.loads(f'"{without_quotes(text)}"') == without_quotes(text)


@pytest.mark.parametrize("with_certificates", [True, False])
def test_a_site_that_was_not_allowed_learns_no_number(
    make_card: CardFactory, with_certificates: bool
) -> None:
    card = make_card()
    query = f"withcert={str(with_certificates).lower()}"
    with Rig(card, consent="ask") as rig:
        rig.allow(SITE)
        seen = rig.get(f"/pkcs11info?{query}", SITE)
        assert card.data.serial.encode() in seen.body
        for origin in ("https://stranger.example", None):
            unseen = rig.get(f"/pkcs11info?{query}", origin)
            assert card.data.serial.encode() not in unseen.body
            assert unseen.json["slots"][0]["token"]["serialNumber"] == ""
            assert unseen.json["ret_code"] == (0x76000031 if with_certificates else 0)
            image = rig.get("/p11Image.bmp?1", origin).body
            found = json.loads(read_pixels(image))
            assert found["slots"][0]["token"]["serialNumber"] == ""
            assert found["slots"][0]["token"]["model"] == ""  # it would name the kind of card
            assert found["serverVersion"] == VERSION
        image = rig.get("/p11Image.bmp?1", SITE).body
        assert json.loads(read_pixels(image))["slots"][0]["token"]["serialNumber"] == (
            card.data.serial
        )


@pytest.mark.parametrize("consent", ["ask", "allow"])
@pytest.mark.parametrize("site", [SITE, "null", "ftp://x", f"{SITE}/"])
def test_a_site_that_was_blocked_or_hides_its_name_learns_of_no_reader(
    make_card: CardFactory, site: str, consent: str
) -> None:
    if (site, consent) == (SITE, "allow"):
        pytest.skip("that is what it means")
    with Rig(make_card(), consent=consent) as rig:
        if site == SITE:
            rig.permissions.remember(Origin.parse_any(SITE), Permission.BLOCKED)
        image = json.loads(read_pixels(rig.get("/p11Image.bmp?1", site).body))
        information = [f"/pkcs11info{query}" for query in ("", "?withcert=true")]
        for found in (image, *(rig.get(path, site).json for path in information)):
            assert (found["ret_code"], found["slots"]) == (0x76000031, [])
            assert found["message"] == "在未授權的網站執行元件"
            assert found["serverVersion"] == VERSION


def test_the_image_says_the_same_to_both_kinds_of_readers(make_card: CardFactory) -> None:
    with Rig(make_card("gen1"), make_card("gen2")) as rig:
        raw = rig.get("/p11Image.bmp?_=1").body
    assert json.loads(read_pixels(raw)) == json.loads(read_as_text(raw))
    assert len(read_pixels(raw)) <= 1946


def test_the_version_can_be_another(make_card: CardFactory) -> None:
    with Rig(make_card(), hipki_version="2.0.0.1") as rig:
        assert listing(rig, "")["serverVersion"] == "2.0.0.1"
        assert b"version:2.0.0.1" in rig.get("/").body

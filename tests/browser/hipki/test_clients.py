"""Pages in the style of each kind of client, unmodified, with both generations of cards."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from playwright.sync_api import Page

from agent.cms.verify import verify
from agent.virtualcard.card import VirtualCard
from tests.browser.hipki.popups import clicked
from tests.browser.hipki.site import Sites
from tests.web.hipki.rig import FIRST, PIN, SECOND, WRONG_PIN, Rig, base64_text

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser
# A percent sign before two hexadecimal digits is ambiguous where a page does not escape it.
UNAMBIGUOUS = ["a+b", "100% sure", "中文", "x&y=z", 'quote " and \\']
TEXTS = [*UNAMBIGUOUS, "a%2Bb", "%E4%B8%AD"]


def content(reply: dict[str, Any]) -> bytes | None:
    assert (reply["func"], reply["ret_code"]) == ("sign", 0), reply
    verified = verify(base64.b64decode(reply["signature"]))
    assert verified.certificate == base64.b64decode(reply["certb64"])
    return verified.content


def public_key(reply: dict[str, Any]) -> RSAPublicKey:
    key = x509.load_der_x509_certificate(base64.b64decode(reply["certb64"])).public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def test_the_classic_page(
    make_card: CardFactory, generation: str, page: Page, sites: Sites
) -> None:
    card = make_card(generation)
    with Rig(card) as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        seen = clicked(page, "check")
        assert seen["slots"][0]["token"]["serialNumber"] == card.data.serial
        certs = clicked(page, "certificate")["slots"][0]["token"]["certs"]
        signed = clicked(page, "sign")
    assert content(signed) == b"TBS"
    assert signed["certb64"] == certs[2]["certb64"]
    assert signed["cardSN"] == card.data.serial
    assert set(page.evaluate("window.origins")) == {f"http://localhost:{rig.port}"}


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [("component", TEXTS), ("plus", UNAMBIGUOUS), ("nothing", UNAMBIGUOUS)],
)
def test_what_the_page_means_is_signed(
    make_card: CardFactory, page: Page, sites: Sites, encoding: str, texts: list[str]
) -> None:
    with Rig(make_card()) as rig:
        page.goto(sites.url("classic.html", port=rig.port, encoding=encoding))
        for text in texts:
            page.evaluate("text => { query.set('tbs', text); }", text)
            assert content(clicked(page, "sign")) == text.encode()


HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA1": hashes.SHA1(),  # noqa: S303  # pages still ask for it
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


def test_every_hash_in_every_format(make_card: CardFactory, page: Page, sites: Sites) -> None:
    with Rig(make_card()) as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        for name, algorithm in HASHES.items():
            fields = {"hashAlgorithm": name, "signatureType": "PKCS1", "nonce": "00ff" * 8}
            page.evaluate("fields => { extra = fields; }", fields)
            reply = clicked(page, "sign")
            signature = base64.b64decode(reply["signature"])
            public_key(reply).verify(signature, b"TBS", padding.PKCS1v15(), algorithm)
            page.evaluate("extra.signatureType = 'PKCS7'")
            raw = base64.b64decode(clicked(page, "sign")["signature"])
            signed = cms.ContentInfo.load(raw)["content"]
            (signer,) = signed["signer_infos"]
            assert signer["digest_algorithm"]["algorithm"].native == name.lower()


@pytest.mark.parametrize(
    "form", ["/popupForm", "/ChtPopupForm", "/PrintCard/ChtPopupFormPrintCard"]
)
def test_every_popup_speaks_the_same_protocol(
    make_card: CardFactory, page: Page, sites: Sites, form: str
) -> None:
    with Rig(make_card()) as rig:
        page.goto(sites.url("classic.html", port=rig.port, form=form, host="127.0.0.1"))
        assert content(clicked(page, "sign")) == b"TBS"


def test_card_management_is_refused_with_its_number(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    card = make_card()
    extra = json.dumps({"func": "unblockCard", "pin": WRONG_PIN})
    with Rig(card) as rig:
        form = {"form": "/CardManagement/CMCPopForm", "ready": "CMCAtn", "extra": extra}
        page.goto(sites.url("classic.html", port=rig.port, **form))
        reply = clicked(page, "check")
    assert (reply["func"], reply["ret_code"]) == ("unblockCard", 1979711502)
    assert card.data.attempts_left == 3


def test_three_wrong_pins(
    make_card: CardFactory, generation: str, page: Page, sites: Sites
) -> None:
    card = make_card(generation)
    with Rig(card) as rig:
        page.goto(sites.url("classic.html", port=rig.port, pin=WRONG_PIN))
        told = []
        for left in (2, 1, 0):
            told.append(clicked(page, "sign")["last_error"])
            assert card.data.attempts_left == left
    assert told == [-2147483646, -2147483647, 164]


def test_readers_with_and_without_cards(make_card: CardFactory, page: Page, sites: Sites) -> None:
    with Rig(None, make_card()) as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        tokens = [slot["token"] for slot in clicked(page, "check")["slots"]]
        assert tokens[0] is None
        assert isinstance(tokens[1], dict)
        rig.provider.remove(SECOND)
        assert clicked(page, "sign")["ret_code"] == 0x76000006
        rig.provider.remove_reader(FIRST)
        rig.provider.remove_reader(SECOND)
        page.wait_for_timeout(100)
        assert clicked(page, "sign")["ret_code"] == 0x76100003
        assert clicked(page, "certificate")["slots"] == []


def test_the_token_library(
    make_card: CardFactory, generation: str, page: Page, sites: Sites
) -> None:
    with Rig(make_card(generation)) as rig:
        page.goto(sites.url("library.html", port=rig.port, tbs="文件 a+b"))
        assert clicked(page, "start") == ["goodDay", 0]
        _, code, found = clicked(page, "certificate1")
        assert (code, found["label"], found["pasted"]["usage"]) == (0, "cert1", "digitalSignature")
        _, code, found = clicked(page, "certificate2")
        assert (code, found["label"]) == (0, "cert2")
        _, code, reply = clicked(page, "sign")
        assert code == 0
        assert content(reply) == "文件 a+b".encode()
        assert clicked(page, "change")[1] == 2304


def test_the_token_library_with_two_cards(make_card: CardFactory, page: Page, sites: Sites) -> None:
    second = make_card("gen2")
    with Rig(make_card("gen1"), second) as rig:
        page.goto(sites.url("library.html", port=rig.port))
        assert clicked(page, "start") == ["goodDay", 2700]
        page.goto(sites.url("library.html", port=rig.port, slot=SECOND))
        assert clicked(page, "start") == ["goodDay", 0]
        assert clicked(page, "sign")[2]["cardSN"] == second.data.serial


def test_the_token_library_without_a_card(page: Page, sites: Sites) -> None:
    with Rig(None) as rig:
        page.goto(sites.url("library.html", port=rig.port))
        assert clicked(page, "start") == ["goodDay", 3103]


def test_the_library_s_wrong_pin_is_pasted_into_json(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card()) as rig:
        page.goto(sites.url("library.html", port=rig.port, pin=WRONG_PIN))
        clicked(page, "start")
        assert clicked(page, "sign")[1] == 0x76100006


def test_the_document_system_signs_a_digest(
    make_card: CardFactory, generation: str, page: Page, sites: Sites
) -> None:
    digest = base64_text(hashlib.sha256(b"document").digest())
    with Rig(make_card(generation)) as rig:
        page.goto(sites.url("documents.html", port=rig.port, digest=digest))
        reply = clicked(page, "sign")
    signature = base64.b64decode(reply["signature"])
    public_key(reply).verify(signature, b"document", padding.PKCS1v15(), hashes.SHA256())


def test_the_image_is_read_both_ways(
    make_card: CardFactory, generation: str, page: Page, sites: Sites
) -> None:
    card = make_card(generation)
    with Rig(card, None) as rig:
        page.goto(sites.url("direct.html", port=rig.port))
        drawn = page.evaluate("readImage()")
        read = page.evaluate("readFile()")
    assert drawn["size"] == [2000, 1]
    assert json.loads(drawn["text"]) == json.loads(read)
    slots = json.loads(read)["slots"]
    assert [slot["slotDescription"] for slot in slots] == [FIRST, SECOND]
    assert slots[0]["token"]["serialNumber"] == card.data.serial
    assert slots[1]["token"] is None


def test_direct_requests_in_every_encoding(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    package = json.dumps({"tbs": "a+b 中文 &", "pin": PIN, "signatureType": "PKCS7"})
    with Rig(make_card()) as rig:
        page.goto(sites.url("direct.html", port=rig.port))
        escaped = page.evaluate("text => encodeURIComponent(text)", package)
        for body in (package, f"tbsPackage={package}", f"tbsPackage={escaped}", escaped):
            for kind in (None, "text/plain", "application/x-www-form-urlencoded"):
                reply = page.evaluate("([body, kind]) => ask('/sign', body, kind)", [body, kind])
                assert content(reply) == "a+b 中文 &".encode()
            reply = page.evaluate("body => askSynchronously('/sign', body)", body)
            assert content(reply) == "a+b 中文 &".encode()
        assert page.evaluate("ask('/pkcs11info?withcert=true')")["slots"][0]["token"]["certs"]


def test_a_large_document_is_signed(make_card: CardFactory, page: Page, sites: Sites) -> None:
    with Rig(make_card()) as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        page.evaluate("extra.tbs = 'TBS+'.repeat(250000)")
        assert content(clicked(page, "sign")) == b"TBS+" * 250_000

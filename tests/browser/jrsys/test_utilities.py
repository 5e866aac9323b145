"""What a page has computed without a card and without a question: both kinds of clients."""

import hashlib
from pathlib import Path

import pytest

from tests.browser.jrsys.conftest import CardFactory
from tests.browser.jrsys.kit_pages import KitPage
from tests.browser.jrsys.openssl import digest_name, signed_content
from tests.browser.jrsys.own_agent import OwnAgent

pytestmark = pytest.mark.browser
MIB = 1024 * 1024
TEXTS = ["", "a", "中文", "😀 \U000f0001", "é\r\n\t\0", "x" * (MIB // 2)]
UTILS, CRYPTO = "ComUtilsPara", "ComCryptoPara"


@pytest.mark.parametrize("text", TEXTS, ids=["none", "a", "zh", "emoji", "control", "long"])
def test_texts_come_back_from_hex_and_base64(agent: OwnAgent, page: KitPage, text: str) -> None:
    digits = page.newer("UnicodeToHex", UTILS, UnicodeString=text)["message"]
    assert digits == text.encode().hex().upper()
    assert page.convert("UnicodeToHexString", text)["message"] == digits
    coded = page.newer("HexToBase64", UTILS, HexString=digits)["message"]
    assert page.convert("hexToB64", digits)["message"] == coded
    assert page.newer("Base64ToHex", UTILS, Base64String=coded)["message"] == digits
    assert page.convert("b64ToHex", coded)["message"] == digits
    assert page.newer("HexToUnicode", UTILS, HexString=digits)["message"] == text
    assert agent.windows.kinds() == []


def test_what_cannot_be_converted_is_an_error_and_the_page_hears_of_it(page: KitPage) -> None:
    assert page.newer("HexToBase64", UTILS, HexString="ABC")["rv"] == 32
    assert page.convert("hexToB64", "ABC")["rv"] == 32
    assert page.newer("HexToUnicode", UTILS, HexString="FF")["rv"] == 32
    assert page.convert("b64ToHex", "中")["rv"] == 32
    assert page.newer("HexToBase64", UTILS, HexString="00" * (MIB // 2))["rv"] == 0
    assert page.newer("HexToBase64", UTILS, HexString="0" * (MIB + 1))["rv"] == 33
    before = page.told
    page.page.evaluate("askNewer('UnicodeToHex', 'ComUtilsPara', { UnicodeString: '\\ud800' })")
    assert page.outcome(before)["rv"] == 7  # half a surrogate pair


def test_digests_are_those_of_hashlib(agent: OwnAgent, page: KitPage) -> None:
    data = b"what is digested"
    for number, algorithm in ((0, hashlib.sha1), (7, hashlib.sha256)):
        wanted = algorithm(data).hexdigest().upper()
        told = page.newer("DigestData", CRYPTO, HexData=data.hex(), DigestAlgId=number)
        assert told["message"] == wanted
        told = page.older("digestData", {"data2BSigned": data.hex()}, digestAlg4Sign=number)
        assert told["message"] == wanted
    assert page.newer("DigestData", CRYPTO, HexData="00", DigestAlgId=3)["rv"] == 112
    assert agent.windows.kinds() == []


def test_a_digest_of_the_page_is_signed_apart_from_its_content(
    make_card: CardFactory, agent: OwnAgent, page: KitPage, tmp_path: Path
) -> None:
    agent.put(make_card())
    content = b"a document that only the page has"
    method, digest = "RsaSignedDataWithContentDigestP11", hashlib.sha256(content)
    signed = page.p11(method, DigestAlg=7, Digest2BSignHex=digest.hexdigest(), IsSilent=1)
    assert signed["rv"] == 0
    assert signed_content(signed["message"], tmp_path, content) == content
    assert digest_name(signed["message"]) == "sha256"
    short = hashlib.sha1(content).hexdigest()  # noqa: S324  # pages still ask for it
    assert page.p11(method, DigestAlg=7, Digest2BSignHex=short, IsSilent=1)["rv"] == 32
    older = page.older("SignedDataWithContentDigest", {"data2BSigned": short}, digestAlg4Sign=0)
    assert signed_content(older["message"], tmp_path, content) == content
    assert agent.verifies == 2

"""What is computed at the door: at once, without card or question, and never in the others' way."""

import base64
import hashlib
import threading
from typing import Any

import pytest

from agent.web.jrsys import computing
from agent.web.jrsys.decode import NAMES, in_older_names
from tests.signing import pki_support as pki
from tests.signing.test_cms_enveloped import card, enveloped, recipient
from tests.web.conftest import STRANGER
from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import JrsysRig, newer, older, p11

TEXT = "王\U00020bb7\U000f0001 \U0001f9d9"
HEX = TEXT.encode().hex().upper()
BASE64 = base64.b64encode(TEXT.encode()).decode()
SHA_1 = hashlib.sha1(TEXT.encode()).hexdigest().upper()  # noqa: S324 # asked for by pages
SHA_256 = hashlib.sha256(TEXT.encode()).hexdigest().upper()


def send(method: str, text: object) -> dict[str, Any]:
    return {"MethodSelect": method, "sendString": text}


COMPUTED = [
    (newer("HexToBase64", "ComUtilsPara", HexString=HEX.lower()), BASE64),
    (newer("Base64ToHex", "ComUtilsPara", Base64String=BASE64), HEX),
    (newer("UnicodeToHex", "ComUtilsPara", UnicodeString=TEXT), HEX),
    (newer("HexToUnicode", "ComUtilsPara", HexString=HEX), TEXT),
    (newer("DigestData", "ComCryptoPara", HexData=HEX, DigestAlgId=7), SHA_256),
    (newer("DigestData", "ComCryptoPara", HexData=HEX, DigestAlgId="0"), SHA_1),
    (send("hexToB64", HEX), BASE64),
    (send("b64ToHex", BASE64), HEX),
    (send("UnicodeToHexString", TEXT), HEX),
    (older("digestData", {"data2BSigned": HEX}, digestAlg4Sign=0), SHA_1),
    (older("digestData", {"data2BSigned": TEXT}, digestAlg4Sign=7), SHA_256),
]
REFUSED = [
    (newer("HexToBase64", "ComUtilsPara", HexString="abc"), 32),
    (newer("HexToBase64", "ComUtilsPara"), 7),
    (newer("HexToBase64"), 7),
    (newer("HexToUnicode", "ComUtilsPara", HexString="ff"), 32),
    (newer("DigestData", "ComCryptoPara", HexData="00", DigestAlgId=3), 112),
    (newer("DigestData", "ComCryptoPara", HexData="00"), 7),
    (send("b64ToHex", "*"), 32),
    (send("UnicodeToHexString", ["a"]), 7),
    (newer("DecodeCertificate", "ComCertificatePara", HexDerCertValue="3000"), 32),
    (newer("DecodeCertificate", "ComCertificatePara", HexDerCertValue="00" * 65537), 33),
    (newer("DecodeCertificate"), 7),
    (older("decodeCertificate", {"data2BSigned": "zz"}), 32),
    (p11("RsaEncryptP11", SKeyAlg=0, Data2BEncrypted="a", HexCert=recipient().hex()), 112),
    (p11("RsaEncryptP11", SKeyAlg=1, Data2BEncrypted="a", HexCert="3000"), 32),
]


@pytest.fixture
async def rig(start_rig: RigFactory) -> JrsysRig:
    """Return an agent without a card, whose citizen has never heard of the site."""
    found: JrsysRig = await start_rig(None, allowed=())
    return found


def asked(rig: JrsysRig) -> list[Any]:
    return rig.windows.asked


@pytest.mark.parametrize(("request_", "expected"), COMPUTED)
async def test_a_stranger_is_answered_without_a_question(
    rig: JrsysRig, request_: dict[str, Any], expected: str
) -> None:
    answer = await rig.call(request_, STRANGER)
    assert (answer["RV"], answer["Message"]) == (0, expected)
    assert asked(rig) == []


@pytest.mark.parametrize(("request_", "number"), REFUSED)
async def test_a_mistake_is_one_answer_with_its_number(
    rig: JrsysRig, request_: dict[str, Any], number: int
) -> None:
    answer = await rig.call(request_, STRANGER)
    assert (answer["RV"], answer["MethodSelect"]) == (number, request_["MethodSelect"])
    assert set(answer["ComCertificatePara"].values()) == {""}
    assert asked(rig) == []


async def test_a_certificate_is_decoded_in_both_dialects(rig: JrsysRig) -> None:
    text = pki.citizen().hex()
    fields = newer("DecodeCertificate", "ComCertificatePara", HexDerCertValue=text)
    found = (await rig.call(fields, STRANGER))["ComCertificatePara"]
    assert set(found) == set(NAMES)
    assert found["CertSubject"] == "C=TW,CN=王測試,serialNumber=0000000000000001"
    answer = await rig.call(older("decodeCertificate", {"data2BSigned": text}), STRANGER)
    assert answer["Pro"] == {"rv": 0, "signature": "", "signerCert": "", **in_older_names(found)}


async def test_text_is_encrypted_to_the_certificate_that_the_page_brings(rig: JrsysRig) -> None:
    request = p11("RsaEncryptP11", SKeyAlg=3, Data2BEncrypted=TEXT, HexCert=recipient().hex())
    answer = await rig.call(request, STRANGER)
    assert answer["RV"] == 0
    message = enveloped.parse(bytes.fromhex(answer["Message"]), recipient())
    assert message.open(card(message.encrypted_key)) == TEXT.encode()
    assert asked(rig) == []


async def test_a_pages_certificate_is_never_read_where_other_pages_wait(
    rig: JrsysRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small one can take a hundred milliseconds: a thousand names in one subject."""
    threads: list[int] = []

    def noting(real: Any) -> Any:
        def note(*arguments: Any) -> Any:
            threads.append(threading.get_ident())
            return real(*arguments)

        return note

    for name in ("decode_certificate", "envelope"):
        monkeypatch.setattr(computing, name, noting(getattr(computing, name)))
    raw = pki.citizen().hex()
    await rig.call(newer("DecodeCertificate", "ComCertificatePara", HexDerCertValue=raw))
    await rig.call(p11("RsaEncryptP11", SKeyAlg=1, Data2BEncrypted="a", HexCert=raw))
    assert len(threads) == 2
    assert threading.get_ident() not in threads

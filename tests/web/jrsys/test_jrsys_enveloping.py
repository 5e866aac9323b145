"""What a page has encrypted opens with the recipient's key alone, in OpenSSL and here."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from agent.cms import der, enveloped
from agent.size_limits import MAX_JRSYS_TEXT
from agent.web.jrsys.enveloping import envelope
from agent.web.jrsys.errors import JrsysError
from agent.web.jrsys.values import Formats
from tests.signing import pki_support as pki
from tests.signing.test_cms_enveloped import card, recipient

DEFAULT = Formats()
CIPHERS = {1: "aes-128-cbc", 2: "aes-192-cbc", 3: "aes-256-cbc"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pki.write_pem(tmp_path / "recipient.pem", recipient())
    key = pki.citizen_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(key)
    return tmp_path


def openssl(folder: Path, *command: str) -> bytes:
    done = subprocess.run(
        ["openssl", "cms", *command], cwd=folder, check=True, capture_output=True, timeout=30
    )
    return done.stdout


@pytest.mark.parametrize("number", CIPHERS)
@pytest.mark.parametrize("text", ["", "王\U00020bb7\r\n\0", "a" * 16, "測試" * 10_000])
def test_openssl_and_the_agent_decrypt_it(folder: Path, number: int, text: str) -> None:
    written = envelope(text, recipient().hex(), number, DEFAULT)
    assert written == written.upper()
    raw = bytes.fromhex(written)
    der.require_der(raw, max_size=len(raw))
    (folder / "message").write_bytes(raw)
    plain = openssl(
        *(folder, "-decrypt", "-binary", "-inform", "DER", "-in", "message"),
        *("-recip", "recipient.pem", "-inkey", "key.pem"),
    )
    assert plain == text.encode()
    printed = openssl(folder, "-cmsout", "-print", "-noout", "-inform", "DER", "-in", "message")
    assert CIPHERS[number] in printed.decode()
    message = enveloped.parse(raw, recipient())
    assert message.open(card(message.encrypted_key)) == text.encode()


def test_no_two_envelopes_are_the_same() -> None:
    written = {envelope("a", recipient().hex(), 1, DEFAULT) for _ in range(3)}
    assert len(written) == 3


def test_the_longest_text_is_taken() -> None:
    assert len(envelope("a" * MAX_JRSYS_TEXT, recipient().hex(), "3", DEFAULT)) > 2 * MAX_JRSYS_TEXT
    with pytest.raises(JrsysError) as error:
        envelope("a" * (MAX_JRSYS_TEXT + 1), recipient().hex(), 3, DEFAULT)
    assert error.value.number == 33


def certificate(key: object) -> str:
    issued = pki.issuing().issue(pki.citizen_name(), key)  # type: ignore[arg-type]
    return issued.public_bytes(Encoding.DER).hex()


@pytest.mark.parametrize(
    "key", [lambda: ec.generate_private_key(ec.SECP256R1()), lambda: pki.rsa_key("short", 1024)]
)
def test_a_key_that_does_not_protect_is_none(key: object) -> None:
    with pytest.raises(JrsysError) as error:
        envelope("a", certificate(key()), 1, DEFAULT)  # type: ignore[operator]
    assert error.value.number == 130


@pytest.mark.parametrize(
    ("text", "raw", "cipher", "number"),
    [
        ("a", recipient().hex(), 0, 112),
        ("a", recipient().hex(), None, 7),
        (None, recipient().hex(), 1, 7),
        ("\ud800", recipient().hex(), 1, 32),
        ("a", None, 1, 7),
        ("a", "", 1, 32),
        ("a", "xyz", 1, 32),
        ("a", "30030101ff", 1, 32),
        ("a", recipient().hex() + "00", 1, 32),
        ("a", recipient().hex()[:-2], 1, 32),
        ("a", "00" * (64 * 1024 + 1), 1, 33),
    ],
)
def test_what_is_wrong_has_its_number(
    text: object, raw: object, cipher: object, number: int
) -> None:
    with pytest.raises(JrsysError) as error:
        envelope(text, raw, cipher, DEFAULT)
    assert error.value.number == number


@given(data=st.data())
def test_a_damaged_certificate_is_an_error_or_still_has_the_key(data: st.DataObject) -> None:
    changed = bytearray(recipient())
    at, bit = data.draw(st.integers(0, len(changed) - 1)), data.draw(st.integers(0, 7))
    changed[at] ^= 1 << bit
    with suppress(JrsysError):
        assert envelope("a", changed.hex(), 1, DEFAULT)

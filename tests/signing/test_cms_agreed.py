"""Messages to a key on a curve: OpenSSL encrypts, a PIV card agrees, and what is forged fails."""

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cms import enveloped
from agent.cms.errors import CmsError
from agent.errors import AgentError, ErrorCode
from agent.signing.model import DecryptFormat, DecryptionRequest
from tests.card.piv_wire import piv_card
from tests.signing import pki_support as pki
from tests.signing.any_card import key_of
from tests.signing.prompt_support import SITE, types
from tests.signing.test_piv_service import RIGHT, certificate_of, service_with

SECRET = "只有收件人看得到".encode()
SHA256 = ("-keyopt", "ecdh_kdf_md:sha256")
FORMS: dict[str, tuple[str, ...]] = {
    "usual": (),
    "SHA-224": ("-keyopt", "ecdh_kdf_md:sha224"),
    "SHA-256": SHA256,
    "SHA-384": ("-keyopt", "ecdh_kdf_md:sha384"),
    "SHA-512": ("-keyopt", "ecdh_kdf_md:sha512"),
    "named by its key": ("-keyid", *SHA256),
    "AES-128": ("-aes128", *SHA256),
    "AES-192": ("-aes192", *SHA256),
    "GCM": ("-aes-256-gcm", *SHA256),
    "in pieces": ("-stream", "-indef", *SHA256),
}


@cache
def recipient(name: str = "P-256", serial: int = 0x5B02) -> bytes:
    certificate = pki.issuing().issue(
        pki.citizen_name(), key_of(name), serial=serial, usage=("key_agreement",)
    )
    return certificate.public_bytes(Encoding.DER)


@cache
def encrypted(*options: str, to: bytes, beside: bytes | None = None) -> bytes:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "content").write_bytes(SECRET)
        pki.write_pem(folder / "recipient.pem", to)
        command = ["openssl", "cms", "-encrypt", "-binary", "-in", "content", "-outform", "DER"]
        command += ["-out", "message"]
        if beside is not None:
            pki.write_pem(folder / "beside.pem", beside)
            command += ["-recip", "beside.pem"]
        if not any(each.startswith("-aes") for each in options):
            command += ["-aes256"]
        command += ["-recip", "recipient.pem", *options]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
        return (folder / "message").read_bytes()


def agreed(point: bytes, name: str = "P-256") -> bytes:
    """Do what the card does."""
    key = key_of(name)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point))


def opened(raw: bytes) -> bytes:
    message = enveloped.parse(raw, recipient())
    return message.open(agreed(message.encrypted_key))


@pytest.mark.parametrize("form", list(FORMS))
def test_what_openssl_encrypted_is_decrypted(form: str) -> None:
    assert opened(encrypted(*FORMS[form], to=recipient())) == SECRET


@pytest.mark.parametrize("name", ["P-384", "P-521"])
def test_other_curves_are_alike(name: str) -> None:
    to = recipient(name)
    message = enveloped.parse(encrypted(*SHA256, to=to), to)
    assert message.open(agreed(message.encrypted_key, name)) == SECRET


def test_of_several_recipients_the_right_one_is_found() -> None:
    rsa, other = recipient("RSA-2048", 0x5B03), recipient("P-256", 0x5B04)
    longer = recipient("P-384", 0x5B05)
    for beside in (rsa, other, longer):
        assert opened(encrypted(*SHA256, to=recipient(), beside=beside)) == SECRET
    for stranger in (other, longer, rsa):
        with pytest.raises(CmsError) as refused:
            enveloped.parse(encrypted(*SHA256, to=recipient()), stranger)
        assert refused.value.code is ErrorCode.OTHER_RECIPIENT


def _with_point(point: bytes) -> bytes:
    """Return a message whose sender has another point of the same length."""
    raw = encrypted(*SHA256, to=recipient())
    own = enveloped.parse(raw, recipient()).encrypted_key
    assert raw.count(own) == 1
    return raw.replace(own, point)


def test_a_point_that_is_not_on_the_curve_reaches_no_card() -> None:
    """With enough of those a sender learns the key."""
    other = ec.generate_private_key(ec.SECP256K1()).public_key()
    foreign = other.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    for point in (foreign, b"\x04" + bytes(64), b"\x04" + b"\xff" * 64, b"\x02" + foreign[1:]):
        with pytest.raises(CmsError, match="no point of the recipient's curve"):
            enveloped.parse(_with_point(point), recipient())


def test_a_forged_key_fails_like_a_forged_content() -> None:
    raw = encrypted(*SHA256, to=recipient())
    info = cms.ContentInfo.load(raw)["content"]
    (agreement,) = (each.chosen for each in info["recipient_infos"])
    wrapped = agreement["recipient_encrypted_keys"][0]["encrypted_key"].native
    content = info["encrypted_content_info"]["encrypted_content"].native
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    another = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    forged = [
        raw.replace(wrapped, bytes(len(wrapped))),
        raw.replace(content, bytes(len(content))),
        _with_point(another),
    ]
    for each in forged:
        with pytest.raises(CmsError, match=r"^decryption failed$"):
            opened(each)


@pytest.mark.parametrize("options", [("-aes256", "-keyopt", "ecdh_cofactor_mode:1"),
                                     ("-aes256", "-keyopt", "ecdh_kdf_md:sha3-256")])  # fmt: skip
def test_what_is_not_known_is_refused_before_a_card_is_asked(options: tuple[str, ...]) -> None:
    with pytest.raises((CmsError, subprocess.CalledProcessError)) as refused:
        opened(encrypted(*options, to=recipient()))
    if isinstance(refused.value, CmsError):
        assert "key encryption algorithm" in refused.value.detail


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damage_is_one_kind_of_error(data: st.DataObject) -> None:
    raw = bytearray(encrypted(*SHA256, to=recipient()))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        opened(bytes(raw))
    except CmsError:
        return


@pytest.mark.parametrize("kind", ["p256", "p384"])
async def test_a_piv_card_opens_what_openssl_encrypted_to_it(kind: str) -> None:
    card = piv_card(kind)
    to = certificate_of(card, 0x9D)
    asked = DecryptionRequest(encrypted(*SHA256, to=to), DecryptFormat.CMS)
    async with service_with(card, [types(RIGHT)]) as (service, _, _):
        assert await service.decrypt(SITE, asked, None) == SECRET
        stranger = DecryptionRequest(encrypted(*SHA256, to=recipient()), DecryptFormat.CMS)
        with pytest.raises(AgentError) as refused:
            await service.decrypt(SITE, stranger, None)
    assert refused.value.code is ErrorCode.OTHER_RECIPIENT
    assert (card.tally.verifies, card.tally.decryptions) == (1, 1)
    assert (
        x509.load_der_x509_certificate(to)
        .extensions.get_extension_for_class(x509.KeyUsage)
        .value.key_agreement
    )

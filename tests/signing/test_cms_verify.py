"""What others sign is understood; whatever is wrong with a message is one kind of error."""

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from asn1crypto import cms, core, parser, tsp
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.sign import signers
from pyhanko.sign.validation import KeyUsageConstraints
from pyhanko.sign.validation.generic_cms import (
    async_validate_cms_signature,
    async_validate_detached_cms,
)
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from agent.cms import attributes, der
from agent.cms.attributes import SignedAttributes
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.cms.signed import prepare
from agent.cms.verify import verify
from tests.signing import pki_support as pki

STRONG = (HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512)
DOCUMENT = b"what the citizen signs"


@cache
def message(
    algorithm: HashAlgorithm = HashAlgorithm.SHA256, *, attached: bool = True, ess: bool = True
) -> bytes:
    signed = SignedAttributes(pki.NOW, bytes(range(16)), "TP07000000000001", ess)
    prepared = prepare(pki.citizen(), Document(DOCUMENT), algorithm, signed, attached=attached)
    return prepared.finish(pki.sign(prepared.digest, algorithm))


def rebuilt(change: Callable[[cms.SignedData], None]) -> bytes:
    """Take a good message apart, change it, and sign its attributes again."""
    info = cms.ContentInfo.load(message()).copy()
    signed = info["content"]
    change(signed)
    for signer in signed["signer_infos"]:
        covered = b"\x31" + signer["signed_attrs"].dump(force=True)[1:]
        signer["signature"] = pki.sign(HashAlgorithm.SHA256.digest(covered))
    return bytes(info.dump(force=True))


def respelled(raw: bytes, old: bytes, new: bytes) -> bytes:
    """Replace an element's encoding, and mend the lengths of those around it."""
    if raw == old:
        return new
    _, constructed, _, _, content, _ = parser.parse(raw)
    if not constructed:
        return raw
    parts = []
    while content:
        length = parser.peek(content)
        parts.append(respelled(content[:length], old, new))
        content = content[length:]
    return der.element(raw[0], *parts)


@pytest.mark.parametrize("algorithm", STRONG)
@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("ess", [True, False])
def test_everything_that_was_said_comes_back(
    algorithm: HashAlgorithm, attached: bool, ess: bool
) -> None:
    raw = message(algorithm, attached=attached, ess=ess)
    result = verify(raw, content=None if attached else DOCUMENT)
    assert result.content == DOCUMENT
    assert result.certificate == pki.citizen()
    assert result.others == ()
    assert result.hash is algorithm
    assert result.signing_time == pki.NOW
    assert result.nonce == bytes(range(16))
    assert result.card_serial == "TP07000000000001"
    assert result.signing_certificate is ess
    with pytest.raises(CmsError):
        verify(raw, content=DOCUMENT + b"!")
    with pytest.raises(CmsError):
        verify(raw, content=b"")


@pytest.mark.parametrize("algorithm", STRONG)
@pytest.mark.parametrize("attached", [True, False])
async def test_pyhanko_agrees(algorithm: HashAlgorithm, attached: bool) -> None:
    context = ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(pki.root().der)],
        other_certs=[asn1_x509.Certificate.load(pki.issuing().der)],
        moment=pki.NOW,
        crls=[pki.root().crl(), pki.issuing().crl()],
        revocation_mode="require",
    )
    usage = KeyUsageConstraints(key_usage={"digital_signature"})
    for changed in (False, True):
        raw, content = message(algorithm, attached=attached), DOCUMENT
        if changed:
            content = DOCUMENT[:-1] + b"\x00"
            raw = raw.replace(DOCUMENT, content)
        signed = cms.ContentInfo.load(raw)["content"]
        if attached:
            status = await async_validate_cms_signature(
                signed, validation_context=context, key_usage_settings=usage
            )
        else:
            status = await async_validate_detached_cms(
                content, signed, signer_validation_context=context, key_usage_settings=usage
            )
        assert (status.intact and status.valid and status.trusted) is not changed


@pytest.mark.parametrize("detached", [True, False])
@pytest.mark.parametrize("cades", [True, False])
async def test_a_message_by_pyhanko_is_understood(detached: bool, cades: bool) -> None:
    raw_key = pki.citizen_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore()
    store.register(asn1_x509.Certificate.load(pki.issuing().der))
    signer = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(pki.citizen()),
        signing_key=asn1_keys.PrivateKeyInfo.load(raw_key),
        cert_registry=store,
    )
    info = await signer.async_sign_general_data(
        DOCUMENT, "sha256", detached=detached, use_cades=cades
    )
    result = verify(info.dump(), content=DOCUMENT if detached else None)
    assert result.content == DOCUMENT
    assert result.certificate == pki.citizen()
    assert result.others == (pki.issuing().der,)
    assert result.signing_certificate


def openssl_sign(folder: Path, *options: str) -> bytes:
    key = pki.citizen_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)
    (folder / "content").write_bytes(DOCUMENT)
    pki.write_pem(folder / "citizen.pem", pki.citizen())
    command = ["openssl", "cms", "-sign", "-binary", "-in", "content", "-signer", "citizen.pem"]
    command += ["-inkey", "key.pem", "-outform", "DER", "-out", "message.der", *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
    return (folder / "message.der").read_bytes()


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("options", [("-nodetach",), (), ("-nodetach", "-cades")])
def test_a_message_by_openssl_is_understood(
    tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    raw = openssl_sign(tmp_path, "-md", name, *options)
    result = verify(raw, content=None if options else DOCUMENT)
    assert result.content == DOCUMENT
    assert result.certificate == pki.citizen()
    assert result.hash.hashlib_name == name
    assert result.signing_certificate is ("-cades" in options)


def test_sha1_passes_only_when_asked_for(tmp_path: Path) -> None:
    raw = openssl_sign(tmp_path, "-md", "sha1", "-nodetach")
    with pytest.raises(CmsError, match="SHA-1"):
        verify(raw)
    assert verify(raw, allow_sha1=True).hash is HashAlgorithm.SHA1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-nodetach", "-stream", "-indef"), "indefinite"),
        (("-nodetach", "-noattr"), "no signed attributes"),
        (("-nodetach", "-nocerts"), "does not carry"),
        (("-nodetach", "-keyid"), "issuer and serial number"),
        (("-nodetach", "-keyopt", "rsa_padding_mode:pss"), "parameters"),
        (("-nodetach", "-md", "sha224"), "digest algorithm"),
        (("-nodetach", "-econtent_type", "1.2.3.4"), "another type"),
        ((), "not given"),
    ],
)
def test_what_ours_never_is_is_refused(
    tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(CmsError, match=reason):
        verify(openssl_sign(tmp_path, *options))


def test_a_good_message_survives_being_rebuilt() -> None:
    """The refusals below are of the change, not of the way it is made."""
    assert verify(rebuilt(lambda _: None)).content == DOCUMENT


def _attribute(oid: str, *values: core.Asn1Value) -> cms.CMSAttribute:
    return cms.CMSAttribute({"type": oid, "values": list(values)})


def _set_attributes(
    signed: cms.SignedData, change: Callable[[list[cms.CMSAttribute]], None]
) -> None:
    items = list(signed["signer_infos"][0]["signed_attrs"])
    change(items)
    signed["signer_infos"][0]["signed_attrs"] = cms.CMSAttributes(items)


def _without(oid: str) -> Callable[[cms.SignedData], None]:
    def change(items: list[cms.CMSAttribute]) -> None:
        items[:] = [item for item in items if item["type"].dotted != oid]

    return lambda signed: _set_attributes(signed, change)


def _with(oid: str, *values: core.Asn1Value) -> Callable[[cms.SignedData], None]:
    def change(items: list[cms.CMSAttribute]) -> None:
        items[:] = [item for item in items if item["type"].dotted != oid]
        items.append(_attribute(oid, *values))

    return lambda signed: _set_attributes(signed, change)


def _twice(oid: str) -> Callable[[cms.SignedData], None]:
    def change(items: list[cms.CMSAttribute]) -> None:
        items.extend([item for item in items if item["type"].dotted == oid])

    return lambda signed: _set_attributes(signed, change)


def _other_certificate(signed: cms.SignedData) -> None:
    """Put in a certificate of the same name, number and key that is another one all the same."""
    twin = pki.issuing().issue(pki.citizen_name(), pki.citizen_key(), usage=pki.ENCRYPT)
    raw = twin.public_bytes(Encoding.DER)
    signed["certificates"] = [cms.CertificateChoices.load(raw)]


def _second_certificate(signed: cms.SignedData) -> None:
    """Add another certificate of the same name, number and key."""
    twin = pki.issuing().issue(pki.citizen_name(), pki.citizen_key(), usage=pki.ENCRYPT)
    signed["certificates"].append(cms.CertificateChoices.load(twin.public_bytes(Encoding.DER)))


def _bound_to(issuer: bytes, number: int) -> Callable[[cms.SignedData], None]:
    """Name the signer's certificate by issuer and number too, beside its hash."""
    name = asn1_x509.GeneralName("directory_name", asn1_x509.Name.load(issuer))
    identifier = {
        "cert_hash": HashAlgorithm.SHA256.digest(pki.citizen()),
        "issuer_serial": {"issuer": [name], "serial_number": number},
    }
    value = tsp.SigningCertificateV2({"certs": [identifier]})
    return _with(attributes.SIGNING_CERTIFICATE_V2, value)


def _two_signers(signed: cms.SignedData) -> None:
    signed["signer_infos"] = [signed["signer_infos"][0], signed["signer_infos"][0].copy()]


def _no_signer(signed: cms.SignedData) -> None:
    signed["signer_infos"] = []


def _undeclared_digest(signed: cms.SignedData) -> None:
    signed["digest_algorithms"] = [{"algorithm": "sha512"}]


def _other_signature_algorithm(signed: cms.SignedData) -> None:
    signed["signer_infos"][0]["signature_algorithm"] = {"algorithm": "sha512_rsa"}


def _other_content_type(signed: cms.SignedData) -> None:
    signed["encap_content_info"]["content_type"] = "digested_data"


def _curve_key(signed: cms.SignedData) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    other = pki.issuing().issue(pki.citizen_name(), curve)
    signed["certificates"] = [cms.CertificateChoices.load(other.public_bytes(Encoding.DER))]


def _other_kind_of_certificate(signed: cms.SignedData) -> None:
    signed["certificates"].append(
        cms.CertificateChoices("other", {"other_cert_format": "1.2.3.4", "other_cert": core.Null()})
    )


def _newer_message(signed: cms.SignedData) -> None:
    signed["version"] = "v3"


def _newer_signer(signed: cms.SignedData) -> None:
    signed["signer_infos"][0]["version"] = "v3"


PROTECTION = cms.CMSAlgorithmProtection(
    {
        "digest_algorithm": {"algorithm": "sha512"},
        "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
    }
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_without(attributes.CONTENT_TYPE), "content type"),
        (_without(attributes.MESSAGE_DIGEST), "not what was signed"),
        (_with(attributes.MESSAGE_DIGEST, core.OctetString(bytes(32))), "not what was signed"),
        (_with(attributes.CONTENT_TYPE, cms.ContentType("signed_data")), "content type"),
        (_twice(attributes.CONTENT_TYPE), "one value"),
        (_with(attributes.RANDOM_NONCE, core.OctetString(b"1"), core.OctetString(b"2")), "one"),
        (_with(attributes.RANDOM_NONCE), "one value"),
        (_with(attributes.RANDOM_NONCE, core.OctetString(bytes(65))), "nonce"),
        (_with(attributes.RANDOM_NONCE, core.Integer(1)), "malformed"),
        (_with(attributes.CARD_SERIAL, core.OctetString(b"TP07")), "card serial"),
        (_with(attributes.CARD_SERIAL, core.PrintableString("0" * 65)), "card serial"),
        (_with("1.2.840.113549.1.9.52", PROTECTION), "algorithms"),
        (_other_certificate, "the one that was signed"),
        (_second_certificate, "does not carry"),
        (_two_signers, "one signer"),
        (_no_signer, "one signer"),
        (_undeclared_digest, "not declared"),
        (_other_signature_algorithm, "signature algorithm"),
        (_other_content_type, "another type"),
        (_curve_key, "signature algorithm"),
        (_other_kind_of_certificate, "only X.509"),
        (_newer_message, "version"),
        (_newer_signer, "issuer and serial number"),
    ],
)
def test_a_well_signed_lie_is_refused(
    change: Callable[[cms.SignedData], None], reason: str
) -> None:
    with pytest.raises(CmsError, match=reason):
        verify(rebuilt(change))


def with_attribute(extra: bytes) -> bytes:
    """Add a signed attribute, whatever it is, to a good message."""
    raw = message()
    (signer,) = cms.ContentInfo.load(raw)["content"]["signer_infos"]
    old = signer["signed_attrs"].dump()
    new = der.element(0xA0, *sorted([*der.children(old), extra]))
    signature = pki.sign(HashAlgorithm.SHA256.digest(b"\x31" + new[1:]))
    raw = respelled(raw, old, new)
    return respelled(raw, signer["signature"].dump(), core.OctetString(signature).dump())


def test_an_attribute_that_another_program_may_take_for_a_second_content_type_is_refused() -> None:
    other = der.element(der.SET, bytes.fromhex("06032a0304"))
    assert verify(with_attribute(der.element(der.SEQUENCE, b"\x06\x02\x2a\x03", other)))
    content_type = attributes.identifier(attributes.CONTENT_TYPE)[2:]
    for spelled in (b"\x80" + content_type, content_type[:-1] + b"\x80" + content_type[-1:], b""):
        kind = der.element(der.OBJECT_IDENTIFIER, spelled)
        with pytest.raises(CmsError, match="identifier"):
            verify(with_attribute(der.element(der.SEQUENCE, kind, other)))


def test_attributes_that_are_signed_in_another_order_are_refused() -> None:
    raw = message()
    (signer,) = cms.ContentInfo.load(raw)["content"]["signer_infos"]
    turned = b"".join(reversed([each.dump() for each in signer["signed_attrs"]]))
    digest = HashAlgorithm.SHA256.digest(der.element(der.SET, turned))
    wrong = respelled(raw, signer["signed_attrs"].dump(), der.element(der.EXPLICIT_0, turned))
    old, new = signer["signature"].native, pki.sign(digest)
    with pytest.raises(CmsError, match="order"):
        verify(wrong.replace(old, new))


def test_nothing_is_hidden_behind_what_was_signed() -> None:
    raw = message()
    for inner, reason in (
        (core.OctetString(DOCUMENT).dump(), "one octet string"),
        (cms.ContentInfo.load(raw)["content"].dump(), "something follows"),
    ):
        assert respelled(raw, inner, inner) == raw
        for more in (b"\x05\x00", inner):
            with pytest.raises(CmsError, match=reason):
                verify(respelled(raw, inner, inner + more))


def test_the_declared_digest_has_no_parameters() -> None:
    declared = bytes.fromhex("310f300d06096086480165030402010500")  # a SET of SHA-256 with NULL
    assert message().count(declared) == 1
    for other in (b"\x04\x00", b"\x45\x00", b"\x30\x00"):
        with pytest.raises(CmsError):
            verify(message().replace(declared, declared[:-2] + other))


def test_another_kind_of_message_is_none_of_ours() -> None:
    other = cms.ContentInfo({"content_type": "data", "content": core.OctetString(DOCUMENT)})
    with pytest.raises(CmsError, match="not a SignedData"):
        verify(other.dump())


def test_a_short_key_signs_nothing_even_where_it_would_verify() -> None:
    """A message that is sound in all but the length of its signer's key."""
    key = pki.rsa_key("weak", 1024)
    weak = pki.issuing().issue(pki.citizen_name(), key).public_bytes(Encoding.DER)
    info = cms.ContentInfo.load(message(ess=False)).copy()
    signed = info["content"]
    signed["certificates"] = [cms.CertificateChoices.load(weak)]
    (signer,) = signed["signer_infos"]
    covered = b"\x31" + signer["signed_attrs"].dump(force=True)[1:]
    signer["signature"] = key.sign(covered, PKCS1v15(), SHA256())
    with pytest.raises(CmsError, match="2048"):
        verify(info.dump(force=True))
    with pytest.raises(CmsError, match="2048"):
        prepare(weak, Document(DOCUMENT))


def test_a_signing_time_without_seconds_or_zone_is_refused() -> None:
    good = b"\x17\x0d260615083000Z"
    for bad in (b"\x17\x0d2606150830+08", b"\x18\x0d2026061508300", b"\x17\x0d269915083000Z"):
        raw = message(ess=False)
        assert good in raw
        with pytest.raises(CmsError):
            verify(raw.replace(good, bad))


def test_an_issuer_and_serial_number_beside_the_hash_must_fit() -> None:
    issuer, other = pki.MOICA.public_bytes(), pki.ROOT.public_bytes()
    assert verify(rebuilt(_bound_to(issuer, 0x5A01))).signing_certificate
    for wrong in (_bound_to(issuer, 0x5A02), _bound_to(other, 0x5A01)):
        with pytest.raises(CmsError, match="not the one that was signed"):
            verify(rebuilt(wrong))


def test_size_is_bounded() -> None:
    raw = message()
    assert verify(raw, max_size=len(raw)).content == DOCUMENT
    with pytest.raises(CmsError, match="too large"):
        verify(raw, max_size=len(raw) - 1)


def test_a_message_is_at_most_64_mib_long() -> None:
    for size, reason in ((64 << 20, "end-of-contents"), ((64 << 20) + 1, "too large")):
        with pytest.raises(CmsError, match=reason):
            verify(bytes(size))


def test_an_empty_content_can_be_signed() -> None:
    prepared = prepare(pki.citizen(), Document(b""))
    assert verify(prepared.finish(pki.sign(prepared.digest))).content == b""


def test_a_large_content_takes_one_pass() -> None:
    content = bytes(8 * 1024 * 1024)
    prepared = prepare(pki.citizen(), Document(content))
    raw = prepared.finish(pki.sign(prepared.digest))
    assert len(raw) < len(content) + 4096
    assert verify(raw).content == content


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_changed_bit_is_accepted_as_something_else(data: st.DataObject) -> None:
    """A flipped bit is an error, or sits where nothing was signed and changes nothing read."""
    raw = bytearray(message())
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        result = verify(bytes(raw))
    except CmsError:
        return
    assert result.content == DOCUMENT
    assert result.certificate == pki.citizen()
    assert result.signing_time == pki.NOW


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_truncation_or_extension_is_accepted(data: st.DataObject) -> None:
    raw = message()
    length = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(CmsError):
        verify(raw[:length])
    with pytest.raises(CmsError):
        verify(raw + data.draw(st.binary(min_size=1, max_size=8)))


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=300))
def test_random_bytes_are_one_kind_of_error(raw: bytes) -> None:
    with pytest.raises(CmsError):
        verify(raw)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_spliced_message_is_one_kind_of_error(data: st.DataObject) -> None:
    raw = message()
    start = data.draw(st.integers(0, len(raw) - 1))
    stop = data.draw(st.integers(start, min(len(raw), start + 64)))
    spliced = raw[:start] + data.draw(st.binary(max_size=64)) + raw[stop:]
    try:
        assert verify(spliced).content == DOCUMENT
    except CmsError:
        return


def test_nothing_personal_is_printed() -> None:
    assert "王" not in repr(verify(message()))
    assert DOCUMENT.decode() not in repr(verify(message()))

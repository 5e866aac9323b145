"""Everything that is not proven valid is refused, each with its own status."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import cache

import pytest
from asn1crypto import core
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID
from pyhanko_certvalidator import CertificateValidator, ValidationContext

from agent.cms.errors import CmsError
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.chain import find_chains
from agent.pki.crl import RevocationList
from agent.pki.path import PathResult, validate_path
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import RevocationSource, StaticSource
from agent.pki.webpki_judge import judge as by_webpki
from agent.pki.webpki_judge import misfit
from tests.signing import pki_support as pki

OCSP_URL = "http://ocsp.test.invalid/"
CRL_URL = "http://crl.test.invalid/ca.crl"
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 # in UTC, as the builder wants it
PARTITION_URL = "http://crl.test.invalid/part-7.crl"


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def facts(certificate: x509.Certificate | pki.Authority) -> CertificateFacts:
    raw = certificate.der if isinstance(certificate, pki.Authority) else der(certificate)
    return read_certificate(raw)


def store(*intermediates: pki.Authority, anchor: pki.Authority | None = None) -> TrustStore:
    return TrustStore((facts(anchor or pki.root()),), tuple(facts(item) for item in intermediates))


@cache
def root_crl() -> bytes:
    return pki.root().crl()


@cache
def empty_crl() -> bytes:
    return pki.issuing().crl()


async def validate(
    leaf: bytes | None = None,
    *,
    trust: TrustStore | None = None,
    crls: Sequence[bytes] | None = None,
    ocsps: Sequence[bytes] = (),
    at: datetime = pki.NOW,
    usage: KeyUsage = KeyUsage.DIGITAL_SIGNATURE,
) -> PathResult:
    """Judge by certvalidator, and by cryptography where it is fit: both say the same."""
    lists = [root_crl(), empty_crl()] if crls is None else crls
    certificate = read_certificate(leaf or pki.citizen())
    authorities = trust or store(pki.issuing())
    source = StaticSource.of(lists, ocsps)
    result = await validate_path(certificate, authorities, source, at, usage)
    has_usual_serial = 0 <= certificate.serial < 2**167  # the web's rules want it so
    if has_usual_serial and not misfit(authorities):
        other = await validate_path(certificate, authorities, source, at, usage, judge=by_webpki)
        assert (other.status, other.chain) == (result.status, result.chain)
    return result


def issue(serial: int = 0x77, **options: object) -> bytes:
    return der(pki.issuing().issue(pki.citizen_name(), pki.citizen_key(), serial=serial, **options))


def distribution_point(url: str = CRL_URL) -> x509.CRLDistributionPoints:
    name = x509.UniformResourceIdentifier(url)
    return x509.CRLDistributionPoints([x509.DistributionPoint([name], None, None, None)])


def responder() -> x509.AuthorityInformationAccess:
    name = x509.UniformResourceIdentifier(OCSP_URL)
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, name)]
    )


async def test_a_good_certificate_is_valid_and_its_path_is_told() -> None:
    result = await validate()
    assert result.status is PathStatus.VALID
    assert result.verdict.is_valid
    expected = (pki.citizen(), pki.issuing().der, pki.root().der)
    assert tuple(item.der for item in result.chain) == expected


def test_configured_authorities_are_parsed_once_and_what_a_message_brings_is_not_kept() -> None:
    trust, leaf = (
        store(pki.issuing()),
        facts(pki.issuing().issue(pki.citizen_name(), pki.citizen_key())),
    )
    (first,), (second,) = find_chains(leaf, trust, pki.NOW), find_chains(leaf, trust, pki.NOW)
    assert all(one is other for one, other in zip(first[1:], second[1:], strict=True))
    assert first[0] is not second[0]
    known = {pki.issuing().der, pki.root().der}
    assert set(trust.parsed) == known
    other = pki.root().issue(pki.MOICA, pki.rsa_key("any"), serial=6, ca=True)
    more = trust.with_hints([der(other)])
    assert find_chains(leaf, more, pki.NOW)
    assert der(other) in more.parsed
    assert set(trust.parsed) == known


async def test_an_issuing_authority_can_be_the_anchor() -> None:
    result = await validate(trust=store(anchor=pki.issuing()), crls=[empty_crl()])
    assert result.status is PathStatus.VALID
    assert len(result.chain) == 2


@pytest.mark.parametrize(
    "crls",
    [
        [],
        ["root"],
        ["issuing"],
        ["root", "other"],
        ["root", "unsigned"],
        ["root", "garbage"],
        ["root", "foreign"],
        ["root", "future"],
    ],
)
async def test_without_a_list_of_each_issuer_nothing_is_valid(crls: list[str]) -> None:
    damaged = bytearray(empty_crl())
    damaged[-1] ^= 1
    impostor = pki.Authority(pki.issuing().certificate, pki.rsa_key("impostor"))
    lists = {
        "root": root_crl(),
        "issuing": empty_crl(),
        "other": pki.issuing_other().crl(),
        "unsigned": bytes(damaged),
        "garbage": b"\x30\x03\x02\x01\x00",
        "foreign": impostor.crl(),
        "future": pki.issuing().crl(
            this_update=pki.NOW + pki.DAY, next_update=pki.NOW + 2 * pki.DAY
        ),
    }
    result = await validate(
        trust=store(pki.issuing(), pki.issuing_other()), crls=[lists[name] for name in crls]
    )
    assert result.status is PathStatus.UNKNOWN


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ([], "unspecified"),
        ([x509.InvalidityDate(NAIVE)], "unspecified"),
        ([x509.CRLReason(x509.ReasonFlags.key_compromise)], "key_compromise"),
        (
            [x509.InvalidityDate(NAIVE), x509.CRLReason(x509.ReasonFlags.certificate_hold)],
            "certificate_hold",
        ),
    ],
)
async def test_revoked_says_when_and_why(why: list[x509.ExtensionType], told: str) -> None:
    result = await validate(crls=[root_crl(), pki.issuing().crl([0x5A01], why=why)])
    assert result.status is PathStatus.REVOKED
    assert result.verdict.moment == pki.NOW - 2 * pki.DAY
    assert result.verdict.reason == told


async def test_a_revoked_authority_takes_its_citizens_along() -> None:
    result = await validate(crls=[pki.root().crl([2]), empty_crl()])
    assert result.status is PathStatus.REVOKED


async def test_a_revocation_counts_from_its_first_moment() -> None:
    """At that moment certvalidator alone would still let it pass."""
    crl = pki.issuing().crl([0x5A01])
    at = pki.NOW - 2 * pki.DAY
    crls = [
        pki.root().crl(this_update=at - pki.DAY, next_update=pki.NOW),
        pki.issuing().crl([0x5A01], this_update=at, next_update=pki.NOW),
    ]
    assert (await validate(crls=crls, at=at)).status is PathStatus.REVOKED
    assert (await validate(crls=[root_crl(), crl])).status is PathStatus.REVOKED


async def test_stale_says_since_when() -> None:
    old = pki.issuing().crl(this_update=pki.NOW - 9 * pki.DAY, next_update=pki.NOW - 2 * pki.DAY)
    result = await validate(crls=[root_crl(), old])
    assert result.status is PathStatus.STALE
    assert result.verdict.moment == pki.NOW - 2 * pki.DAY


async def test_of_two_lists_the_newer_speaks() -> None:
    older = pki.issuing().crl([0x5A01], this_update=pki.NOW - 3 * pki.DAY)
    assert (await validate(crls=[root_crl(), older, empty_crl()])).status is PathStatus.VALID
    older = pki.issuing().crl(this_update=pki.NOW - 3 * pki.DAY)
    newer = pki.issuing().crl([0x5A01])
    assert (await validate(crls=[root_crl(), older, newer])).status is PathStatus.REVOKED


async def test_a_delta_list_does_not_clear() -> None:
    delta = pki.issuing().crl(extra=[(x509.DeltaCRLIndicator(1), True)])
    assert (await validate(crls=[root_crl(), delta])).status is PathStatus.UNKNOWN


def _partition(revoked: Sequence[int] = (), **options: object) -> bytes:
    fields = {
        "full_name": [x509.UniformResourceIdentifier(PARTITION_URL)],
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    extension = x509.IssuingDistributionPoint(**fields | options)
    return pki.issuing().crl(revoked, extra=[(extension, True)])


async def test_a_partition_clears_only_the_certificates_that_it_covers() -> None:
    covered = issue(extra=[distribution_point(PARTITION_URL)])
    elsewhere = issue(extra=[distribution_point()])
    assert (await validate(covered, crls=[root_crl(), _partition()])).status is PathStatus.VALID
    result = await validate(elsewhere, crls=[root_crl(), _partition()])
    assert result.status is PathStatus.UNKNOWN
    result = await validate(covered, crls=[root_crl(), _partition([0x77])])
    assert result.status is PathStatus.REVOKED


@pytest.mark.parametrize(
    "options",
    [
        {"full_name": None, "only_contains_ca_certs": True},
        {"full_name": None, "only_contains_attribute_certs": True},
        {"only_some_reasons": frozenset({x509.ReasonFlags.key_compromise})},
        {"indirect_crl": True},
    ],
)
async def test_a_list_of_other_things_does_not_clear(options: dict[str, object]) -> None:
    leaf = issue(extra=[distribution_point(PARTITION_URL)])
    result = await validate(leaf, crls=[root_crl(), _partition(**options)])
    assert result.status is PathStatus.UNKNOWN


async def test_an_unknown_critical_extension_makes_a_list_useless() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    crl = pki.issuing().crl(extra=[(strange, True)])
    assert (await validate(crls=[root_crl(), crl])).status is PathStatus.UNKNOWN


def issuing_for(*usage: str) -> pki.Authority:
    """Give the issuing authority's key a certificate for these uses only."""
    key = pki.rsa_key("issuing")
    certificate = pki.root().issue(pki.MOICA, key, serial=2, usage=usage, ca=True)
    return pki.Authority(certificate, key)


async def test_an_authority_that_may_not_sign_lists_clears_and_revokes_nothing() -> None:
    trust = store(issuing_for("key_cert_sign"))
    for revoked in ((), (0x5A01,)):
        lists = [root_crl(), pki.issuing().crl(revoked)]
        assert (await validate(trust=trust, crls=lists)).status is PathStatus.UNKNOWN
    both = store(issuing_for("key_cert_sign", "crl_sign"))
    assert (await validate(trust=both)).status is PathStatus.VALID


async def test_an_authority_that_may_not_sign_certificates_is_none() -> None:
    result = await validate(trust=store(issuing_for("crl_sign")))
    assert result.status is PathStatus.UNTRUSTED


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("sha1_rsa", hashes.SHA1()),  # noqa: S303 # weak on purpose; the library refuses it too
        ("sha224_rsa", hashes.SHA224()),
    ],
)
async def test_a_list_with_a_weak_signature_clears_nothing(
    name: str, algorithm: hashes.HashAlgorithm
) -> None:
    weak = asn1_crl.CertificateList.load(empty_crl())
    identifier = {"algorithm": name, "parameters": core.Null()}
    weak["signature_algorithm"] = weak["tbs_cert_list"]["signature"] = identifier
    signed = weak["tbs_cert_list"].dump(force=True)
    weak["signature"] = pki.issuing().key.sign(signed, PKCS1v15(), algorithm)
    result = await validate(crls=[root_crl(), weak.dump(force=True)])
    assert result.status is PathStatus.UNKNOWN


def unsigned_list() -> x509.CertificateRevocationListBuilder:
    return x509.CertificateRevocationListBuilder(pki.MOICA, pki.NOW - pki.DAY, pki.NOW + pki.DAY)


def test_a_list_by_a_key_of_another_kind_clears_nothing() -> None:
    keys = {
        "RSA": (pki.rsa_key("any"), hashes.SHA256(), True),
        "EC": (ec.generate_private_key(ec.SECP256R1()), hashes.SHA256(), True),
        "DSA": (dsa.generate_private_key(1024), hashes.SHA256(), False),  # noqa: S505 # soon made
        "Ed25519": (ed25519.Ed25519PrivateKey.generate(), None, False),
    }
    for kind, (key, algorithm, accepted) in keys.items():
        usage = ("key_cert_sign", "crl_sign")
        certificate = pki.root().issue(pki.MOICA, key, serial=6, usage=usage, ca=True)
        signed = unsigned_list().sign(key, algorithm)
        assert signed.is_signature_valid(key.public_key())
        listed = RevocationList.from_der(signed.public_bytes(Encoding.DER))
        assert listed.is_signed_by(certificate) is accepted, kind


def test_an_authority_that_states_no_use_of_its_key_may_sign_lists() -> None:
    key = pki.rsa_key("any")
    listed = unsigned_list().sign(key, hashes.SHA256())
    parsed = RevocationList.from_der(listed.public_bytes(Encoding.DER))
    for name, accepted in ((pki.MOICA, True), (pki.ROOT, False)):  # its own lists only
        dates = pki.NOW, pki.NOW + pki.DAY
        builder = x509.CertificateBuilder(pki.ROOT, name, key.public_key(), 7, *dates)
        assert parsed.is_signed_by(builder.sign(key, hashes.SHA256())) is accepted


async def test_a_short_key_of_an_authority_proves_nothing() -> None:
    key = pki.rsa_key("short", 1024)
    short = pki.root().authority(pki.MOICA, key, 6)
    leaf = der(short.issue(pki.citizen_name(), pki.citizen_key()))
    result = await validate(leaf, trust=store(short), crls=[root_crl(), short.crl()])
    assert result.status is PathStatus.UNTRUSTED


async def test_expired_and_not_yet_valid_say_the_limit() -> None:
    expired = issue(not_before=pki.NOW - 9 * pki.DAY, not_after=pki.NOW - pki.DAY)
    result = await validate(expired)
    assert (result.status, result.verdict.moment) == (PathStatus.EXPIRED, pki.NOW - pki.DAY)
    early = issue(not_before=pki.NOW + pki.DAY, not_after=pki.NOW + 9 * pki.DAY)
    result = await validate(early)
    assert (result.status, result.verdict.moment) == (PathStatus.NOT_YET_VALID, pki.NOW + pki.DAY)


async def test_outside_its_time_a_certificate_is_not_looked_for_in_lists() -> None:
    """Read the list of no other time: an authority drops what has expired."""
    for first, last, status in ((-9, -1, PathStatus.EXPIRED), (1, 9, PathStatus.NOT_YET_VALID)):
        leaf = issue(not_before=pki.NOW + first * pki.DAY, not_after=pki.NOW + last * pki.DAY)
        result = await validate(leaf, crls=[root_crl(), pki.issuing().crl([0x77])])
        assert result.status is status


async def test_the_first_and_the_last_second_are_valid() -> None:
    leaf = issue(not_before=pki.NOW, not_after=pki.NOW)
    assert (await validate(leaf)).status is PathStatus.VALID


async def test_an_expired_authority_is_no_authority() -> None:
    key = pki.rsa_key("issuing")
    old = pki.root().issue(
        pki.MOICA, key, serial=9, usage=("key_cert_sign", "crl_sign"), ca=True,
        not_before=pki.NOW - 9 * pki.DAY, not_after=pki.NOW - pki.DAY,
    )  # fmt: skip
    authority = pki.Authority(old, key)
    assert (await validate(trust=store(authority))).status is PathStatus.EXPIRED
    assert (await validate(trust=store(anchor=authority))).status is PathStatus.UNTRUSTED
    both = await validate(trust=store(authority, pki.issuing()))
    assert both.status is PathStatus.VALID


async def test_a_stranger_is_untrusted() -> None:
    key = pki.rsa_key("impostor")
    impostor = pki.Authority(pki.issuing().certificate, key)
    leaf = der(impostor.issue(pki.citizen_name(), pki.citizen_key()))
    assert (await validate(leaf)).status is PathStatus.UNTRUSTED
    assert (await validate(trust=store())).status is PathStatus.UNTRUSTED
    self_signed = pki.Authority(pki.root().certificate, key)
    leaf = der(self_signed.issue(pki.citizen_name(), pki.citizen_key()))
    assert (await validate(leaf)).status is PathStatus.UNTRUSTED


async def test_a_citizen_is_no_authority() -> None:
    citizen = pki.Authority(x509.load_der_x509_certificate(pki.citizen()), pki.citizen_key())
    leaf = citizen.issue(pki.citizen_name("0000000000000666", "冒名測試"), pki.rsa_key("thief"))
    trust = store(pki.issuing(), citizen)
    result = await validate(der(leaf), trust=trust, crls=[root_crl(), empty_crl(), citizen.crl()])
    assert result.status is PathStatus.UNTRUSTED


async def test_a_weak_signature_is_untrusted() -> None:
    weak = asn1_x509.Certificate.load(issue())
    algorithm = {"algorithm": "sha1_rsa"}
    weak["signature_algorithm"] = weak["tbs_certificate"]["signature"] = algorithm
    signed = weak["tbs_certificate"].dump(force=True)
    sha1 = hashes.SHA1()  # noqa: S303 # weak on purpose
    weak["signature_value"] = pki.issuing().key.sign(signed, PKCS1v15(), sha1)
    assert (await validate(weak.dump(force=True))).status is PathStatus.UNTRUSTED


async def test_wrong_key_usage_is_told_apart() -> None:
    leaf = issue(usage=pki.ENCRYPT)
    assert (await validate(leaf)).status is PathStatus.WRONG_KEY_USAGE
    good = await validate(leaf, usage=KeyUsage.KEY_ENCIPHERMENT)
    assert good.status is PathStatus.VALID


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("identifiers", [True, False])
async def test_generations_of_one_name_are_told_apart_by_key(order: int, identifiers: bool) -> None:
    """The authority's generations have one name; a list of one is none of another's."""
    generations = [pki.issuing(), pki.issuing_other()]
    if order:
        generations.reverse()
    trust = store(*generations)
    own, other = pki.issuing(), pki.issuing_other()
    leaf = pki.citizen() if identifiers else issue_without_identifiers()
    result = await validate(leaf, trust=trust, crls=[root_crl(), other.crl(), own.crl()])
    assert result.status is PathStatus.VALID
    assert result.chain[1].der == own.der
    result = await validate(leaf, trust=trust, crls=[root_crl(), other.crl()])
    assert result.status is PathStatus.UNKNOWN
    result = await validate(leaf, trust=trust, crls=[root_crl(), own.crl([0x5A01]), other.crl()])
    assert result.status is PathStatus.REVOKED
    result = await validate(leaf, trust=trust, crls=[root_crl(), own.crl(), other.crl([0x5A01])])
    assert result.status is PathStatus.VALID


def issue_without_identifiers() -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(pki.citizen_name())
        .issuer_name(pki.MOICA)
        .public_key(pki.citizen_key().public_key())
        .serial_number(0x5A01)
        .not_valid_before(pki.NOW - pki.DAY)
        .not_valid_after(pki.NOW + pki.DAY)
        .add_extension(pki.key_usage(pki.SIGN), critical=True)
    )
    return der(builder.sign(pki.issuing().key, hashes.SHA256()))


async def test_certvalidator_alone_would_take_the_list_of_a_namesake() -> None:
    """Why lists are sorted by key before anyone looks into them."""
    context = ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(pki.root().der)],
        other_certs=[
            asn1_x509.Certificate.load(item.der) for item in (pki.issuing(), pki.issuing_other())
        ],
        moment=pki.NOW,
        crls=[root_crl(), pki.issuing_other().crl()],
        revocation_mode="require",
    )
    leaf = asn1_x509.Certificate.load(pki.citizen())
    await CertificateValidator(leaf, validation_context=context).async_validate_path()


@pytest.mark.parametrize("name", [pki.ROOT, pki.MOICA])
async def test_two_authorities_of_one_name_in_one_path_are_refused(name: x509.Name) -> None:
    link = pki.root().authority(name, pki.rsa_key("root-next"), 4)
    below = link.authority(pki.MOICA, pki.rsa_key("issuing-other"), 5)
    leaf = der(below.issue(pki.citizen_name(), pki.citizen_key()))
    crls = [pki.root().crl(), link.crl(), below.crl()]
    result = await validate(leaf, trust=store(link, below), crls=crls)
    assert result.status is PathStatus.UNTRUSTED
    result = await validate(leaf, trust=store(below, anchor=link), crls=crls)
    assert (result.status is PathStatus.VALID) == (name == pki.ROOT)


async def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(CmsError):
        await validate(at=datetime(2026, 6, 15))  # noqa: DTZ001 # naive on purpose


async def test_a_source_that_has_nothing_clears_nothing() -> None:
    class Broken(RevocationSource):
        async def current(self) -> object:
            return await StaticSource.of().current()

    result = await validate_path(
        read_certificate(pki.citizen()), store(pki.issuing()), Broken(), pki.NOW
    )
    assert result.status is PathStatus.UNKNOWN


def test_the_daemon_does_not_load_the_validator() -> None:
    program = (
        "import sys; import agent.pki.certificate, agent.pki.path, agent.pki.anchors;"
        "sys.exit('pyhanko_certvalidator' in sys.modules or 'oscrypto' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


async def test_validation_does_not_load_oscrypto() -> None:
    """It is unmaintained, and only certvalidator's trust in the system's roots needs it."""
    assert (await validate()).status is PathStatus.VALID
    assert "oscrypto" not in sys.modules

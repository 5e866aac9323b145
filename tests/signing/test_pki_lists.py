"""Long, partial, delta and odd revocation lists, as real authorities publish them."""

import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from pyhanko_certvalidator.revinfo.manager import RevinfoManager

from agent.cms.errors import CmsError
from agent.pki.crl import RevocationList
from agent.pki.result import PathStatus
from tests.signing import pki_support as pki
from tests.signing.test_pki_path import PARTITION_URL, distribution_point, issue, root_crl, validate

SERIAL = 0x77


def scope(**options: object) -> x509.IssuingDistributionPoint:
    fields = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**fields | options)


def listed(
    numbers: Sequence[int] = (),
    *,
    number: int = 5,
    reason: x509.ReasonFlags | None = None,
    extra: Sequence[x509.ExtensionType] = (),
) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(pki.MOICA)
        .last_update(pki.NOW - pki.DAY)
        .next_update(pki.NOW + pki.DAY)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for each in numbers:
        entry = x509.RevokedCertificateBuilder().serial_number(each)
        entry = entry.revocation_date(pki.NOW - 2 * pki.DAY)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    for extension in extra:
        builder = builder.add_extension(extension, critical=True)
    signed = builder.sign(pki.issuing().key, hashes.SHA256())
    return signed.public_bytes(pki.Encoding.DER)


def delta(
    numbers: Sequence[int], base: int, number: int, reason: x509.ReasonFlags | None = None
) -> bytes:
    indicator = x509.DeltaCRLIndicator(base)
    return listed(numbers, number=number, reason=reason, extra=[indicator])


async def status(*lists: bytes, leaf: bytes | None = None) -> PathStatus:
    result = await validate(leaf or issue(SERIAL), crls=[root_crl(), *lists])
    return result.status


HOLD, LIFTED = x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl
USERS = scope(only_contains_user_certs=True)
PART = scope(full_name=[x509.UniformResourceIdentifier(PARTITION_URL)])


async def test_a_list_of_users_clears_and_revokes_a_user() -> None:
    assert await status(listed(extra=[USERS])) is PathStatus.VALID
    assert await status(listed([SERIAL], extra=[USERS])) is PathStatus.REVOKED


async def test_a_narrowed_list_is_never_read_entry_by_entry_by_the_validator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes seconds for a real one, in every login."""

    def without_lists(**given: Any) -> RevinfoManager:
        assert not given["crls"]
        return RevinfoManager(**given)

    monkeypatch.setattr("agent.pki.judge.RevinfoManager", without_lists)
    covered = issue(SERIAL, extra=[distribution_point(PARTITION_URL)])
    assert await status(listed(extra=[PART]), leaf=covered) is PathStatus.VALID
    assert await status(listed(extra=[PART])) is PathStatus.UNKNOWN
    assert await status(listed(extra=[USERS])) is PathStatus.VALID


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ((listed(), delta([], 5, 6)), PathStatus.VALID),
        ((listed(), delta([SERIAL], 5, 6)), PathStatus.REVOKED),
        ((listed(), delta([SERIAL], 4, 6)), PathStatus.REVOKED),
        ((listed([SERIAL], reason=HOLD), delta([SERIAL], 5, 6, LIFTED)), PathStatus.VALID),
        # One of another base, an older one, or one of another scope lifts nothing.
        ((listed([SERIAL], reason=HOLD), delta([SERIAL], 6, 7, LIFTED)), PathStatus.REVOKED),
        ((listed([SERIAL], reason=HOLD), delta([SERIAL], 3, 4, LIFTED)), PathStatus.REVOKED),
        (
            (listed([SERIAL], reason=HOLD, extra=[USERS]), delta([SERIAL], 5, 6, LIFTED)),
            PathStatus.REVOKED,
        ),
        # Of two the newer one counts.
        (
            (
                listed([SERIAL], reason=HOLD),
                delta([SERIAL], 5, 6, LIFTED),
                delta([SERIAL], 5, 7, HOLD),
            ),
            PathStatus.REVOKED,
        ),
        ((delta([], 5, 6),), PathStatus.UNKNOWN),
        ((delta([SERIAL], 5, 6),), PathStatus.REVOKED),
    ],
)
async def test_delta_lists(lists: tuple[bytes, ...], expected: PathStatus) -> None:
    assert await status(*lists) is expected
    assert await status(*reversed(lists)) is expected


def with_serials(raw: bytes, *serials: int) -> bytes:
    """Sign a list anew with entries of any serial number, which no builder makes."""
    changed = asn1_crl.CertificateList.load(raw)
    changed["tbs_cert_list"]["revoked_certificates"] = [
        {"user_certificate": each, "revocation_date": asn1_x509.Time({"utc_time": pki.NOW})}
        for each in serials
    ]
    signed = changed["tbs_cert_list"].dump(force=True)
    changed["signature"] = pki.issuing().key.sign(signed, PKCS1v15(), hashes.SHA256())
    return bytes(changed.dump(force=True))


def leaf_with(serial: int) -> bytes:
    changed = asn1_x509.Certificate.load(issue(SERIAL))
    changed["tbs_certificate"]["serial_number"] = serial
    signed = changed["tbs_certificate"].dump(force=True)
    changed["signature_value"] = pki.issuing().key.sign(signed, PKCS1v15(), hashes.SHA256())
    return bytes(changed.dump(force=True))


@pytest.mark.parametrize("serial", [0, -1, -(2**64), 2**159, 2**167, 128, 127])
async def test_odd_serial_numbers_are_judged(serial: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the X.509 library says that they are not positive
        leaf = leaf_with(serial)
        revoked = with_serials(listed(), -7, serial, 0x5A5A)
        assert await status(revoked, leaf=leaf) is PathStatus.REVOKED
        # Another number with the same octets but for the sign or a length is another certificate.
        others = with_serials(listed(), -7, serial + 256, ~serial)
        assert await status(others, leaf=leaf) is PathStatus.VALID


def test_a_list_without_entries_and_one_with_many_are_parsed() -> None:
    many = with_serials(listed(), *range(10**30, 10**30 + 300))
    for raw in (listed(), many):
        assert RevocationList.from_der(raw).is_signed_by(pki.issuing().certificate)


@pytest.mark.parametrize("position", range(0, 320, 7))
def test_a_damaged_list_is_refused_or_not_signed(position: int) -> None:
    raw = bytearray(listed([SERIAL, 0x1234]))
    raw[position % len(raw)] ^= 0x55
    for spoilt in (bytes(raw), bytes(raw[:position]), bytes(raw) + b"\0"):
        try:
            found = RevocationList.from_der(spoilt)
        except CmsError:
            continue
        assert not found.is_signed_by(pki.issuing().certificate)


def test_an_entry_without_a_number_spoils_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    good = listed([SERIAL])
    spoilt = good.replace(b"\x02\x01\x77\x17", b"\x04\x01\x77\x17")
    assert spoilt != good
    with pytest.raises(CmsError, match="revocation list"):
        RevocationList.from_der(spoilt)
    monkeypatch.setattr("agent.pki.crl_entries.MAX_ENTRIES", 1)
    with pytest.raises(CmsError, match="entries"):
        RevocationList.from_der(listed([SERIAL, 0x1234]))

"""Who may answer for an authority, and of whom and when (RFC 6960 §4.2.2.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

import pytest
from asn1crypto import core
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.pki.chain import parse_chain_certificate
from agent.pki.ocsp import AnsweredStatus, status
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import StaticSource
from tests.signing import pki_support as pki
from tests.signing.test_pki_path import issue, root_crl, validate

SIGNS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
ANYTHING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
TIMES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
NO_CHECK = x509.OCSPNoCheck()
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Responder")])
BY_KEY, BY_NAME = ocsp.OCSPResponderEncoding.HASH, ocsp.OCSPResponderEncoding.NAME
RESPONDER = 0x0C59
GOOD, REVOKED = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED
UNKNOWN = ocsp.OCSPCertStatus.UNKNOWN
NOBODY = pki.Authority(pki.issuing().certificate, pki.rsa_key("nobody"))


@dataclass(frozen=True)
class Answering:
    """A response, and who gives it.

    Attributes:
        by: who issued the responder's certificate.
        extra: of that certificate.
        ends: when it does.
        usage: of its key.
        names: how the response names the responder.
        carried: whether its certificate comes along.
        serial: of the certificate that is asked about.
        said: about it.
        since: when that was known, in days from now.
        until: when the next answer is due, likewise; None for not said.
        revoked: since when it is revoked, likewise.

    """

    by: pki.Authority = field(default_factory=pki.issuing)
    extra: Sequence[x509.ExtensionType] = (SIGNS, NO_CHECK)
    ends: datetime = pki.NOW + 30 * pki.DAY
    usage: str = pki.SIGN
    names: ocsp.OCSPResponderEncoding = BY_KEY
    carried: bool = True
    serial: int = 0x77
    said: ocsp.OCSPCertStatus = GOOD
    since: float = -1
    until: float | None = 1
    revoked: float = -2
    reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise

    def certificate(self) -> x509.Certificate:
        key = pki.rsa_key("responder")
        more = {"extra": self.extra, "not_after": self.ends}
        return self.by.issue(NAME, key, serial=RESPONDER, usage=(self.usage,), **more)

    def der(self) -> bytes:
        is_revoked = self.said is REVOKED
        days = timedelta(days=1)
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=x509.load_der_x509_certificate(issue(self.serial)),
            issuer=pki.issuing().certificate,
            algorithm=hashes.SHA256(),
            cert_status=self.said,
            this_update=pki.NOW + self.since * days,
            next_update=None if self.until is None else pki.NOW + self.until * days,
            revocation_time=pki.NOW + self.revoked * days if is_revoked else None,
            revocation_reason=self.reason if is_revoked else None,
        )
        certificate = self.certificate()
        builder = builder.responder_id(self.names, certificate)
        if self.carried:
            builder = builder.certificates([pki.issuing().certificate, certificate])
        made = builder.sign(pki.rsa_key("responder"), hashes.SHA256())
        return made.public_bytes(Encoding.DER)


async def judged(*answers: Answering, crls: Sequence[bytes] = (), at: datetime = pki.NOW) -> str:
    raw = [each.der() for each in answers]
    return (await validate(issue(), crls=[root_crl(), *crls], ocsps=raw, at=at)).status


def answered(answer: bytes, *crls: bytes, at: datetime = pki.NOW) -> AnsweredStatus:
    leaf, issuer = (
        parse_chain_certificate(read_certificate(each)) for each in (issue(), pki.issuing().der)
    )
    return status(leaf, issuer, StaticSource.of(crls, [answer]).data, at)


@cache
def good_answer() -> bytes:
    return Answering().der()


RIGHT = {
    "by key": Answering(),
    "by name": Answering(names=BY_NAME),
    "for other things too": Answering(
        extra=(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.OCSP_SIGNING]
            ),
            NO_CHECK,
        )
    ),
}
ODD = x509.UnrecognizedExtension(SIGNS.oid, b"\x30\x03\x06\x01\x80")
"""An extended key usage with a number that is none."""
WRONG = {
    "for what cannot be read": Answering(extra=(ODD, NO_CHECK)),
    "for nothing": Answering(extra=(NO_CHECK,)),
    "for anything": Answering(extra=(ANYTHING, NO_CHECK)),
    "for the time": Answering(extra=(TIMES, NO_CHECK)),
    "of another authority": Answering(by=pki.root()),
    "of an authority's name alone": Answering(by=NOBODY),
    "expired": Answering(ends=pki.NOW - timedelta(hours=1)),
    "whose key is for keys": Answering(usage="key_encipherment"),
    "not carried": Answering(carried=False),
    "of another certificate": Answering(serial=0x78),
    "not known": Answering(said=UNKNOWN),
    "of tomorrow": Answering(since=0.5),
}


@pytest.mark.parametrize("name", RIGHT)
async def test_a_named_responder_answers_for_its_authority(name: str) -> None:
    assert await judged(RIGHT[name]) is PathStatus.VALID
    assert await judged(replace(RIGHT[name], said=REVOKED)) is PathStatus.REVOKED


@pytest.mark.parametrize("name", WRONG)
async def test_whoever_else_answers_is_not_heard(name: str) -> None:
    assert await judged(WRONG[name]) is PathStatus.UNKNOWN
    if WRONG[name].said is GOOD:
        assert await judged(replace(WRONG[name], said=REVOKED)) is PathStatus.UNKNOWN


@pytest.mark.parametrize(("since", "until"), [(-9, -2), (-1, None)])
async def test_an_old_answer_is_told_as_one(since: float, until: float | None) -> None:
    old = Answering(since=since, until=until)
    assert await judged(old) is PathStatus.STALE
    found = answered(old.der(), at=pki.NOW + since * pki.DAY)
    assert (found.good, found.stale_since) == (True, None)  # of its own moment it tells


async def test_a_responder_that_has_to_be_cleared_is_by_its_authoritys_list() -> None:
    unchecked = Answering(extra=(SIGNS,))
    assert await judged(unchecked) is PathStatus.UNKNOWN
    assert await judged(replace(unchecked, said=REVOKED)) is PathStatus.REVOKED
    for revoked, good in (((), True), ((RESPONDER,), False)):
        assert answered(unchecked.der(), pki.issuing().crl(revoked)).good is good


def test_a_responder_that_was_revoked_is_not_heard_even_if_nobody_need_check() -> None:
    found = answered(Answering(said=REVOKED).der(), pki.issuing().crl([RESPONDER]))
    assert (found.good, found.revoked) == (False, None)


async def test_the_newest_answer_ends_a_suspension_and_no_revocation() -> None:
    hold = Answering(said=REVOKED, since=-1, reason=x509.ReasonFlags.certificate_hold)
    newer = Answering(since=-0.5)
    assert await judged(hold) is PathStatus.REVOKED
    assert await judged(hold, newer) is PathStatus.VALID
    assert await judged(newer, replace(hold, since=-0.5)) is PathStatus.REVOKED
    lasting = replace(hold, reason=x509.ReasonFlags.key_compromise)
    assert await judged(lasting, newer) is PathStatus.REVOKED


@given(st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3)), min_size=1, max_size=4))
@settings(deadline=None, max_examples=60)
def test_a_damaged_response_clears_nobody(changes: list[tuple[float, bytes]]) -> None:
    copy = bytearray(good_answer())
    for place, octets in changes:
        at = int(place * (len(copy) - 1))
        copy[at : at + len(octets)] = octets
    found = answered(bytes(copy))
    assert found.revoked is None
    if found.good:  # what is damaged then is a certificate that nobody needs
        assert ocsp.load_der_ocsp_response(good_answer()).tbs_response_bytes in bytes(copy)


@pytest.mark.parametrize(("more", "good"), [(31, True), (32, False)])
def test_a_response_has_no_end_of_answers(more: int, good: bool) -> None:
    whole = asn1_ocsp.OCSPResponse.load(good_answer())
    basic = whole["response_bytes"]["response"].parsed
    data = basic["tbs_response_data"]
    first = data["responses"][0]
    data["responses"] = [first] * (more + 1)
    key, signed = pki.rsa_key("responder"), data.dump(force=True)
    basic["signature"] = key.sign(signed, PKCS1v15(), hashes.SHA256())
    whole["response_bytes"]["response"] = core.ParsableOctetString(basic.dump(force=True))
    assert answered(whole.dump(force=True)).good is good

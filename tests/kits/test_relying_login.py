"""Whoever verifies logins is told the right code, and never "accepted" for want of something."""

import asyncio
import base64
import logging
from dataclasses import replace
from typing import Any

import pytest
from cryptography.x509 import Name

from agent.pki.anchors import TrustStore
from agent.pki.reading import read_certificate
from agent.pki.revocation import RevocationData, StaticSource
from agent.relying import (
    MOICA,
    Holder,
    Purpose,
    VerificationCode,
    VerificationError,
    decode_token,
)
from agent.relying.login import MAX_TOKEN
from tests.kits.relying_support import (
    CHALLENGE,
    ORIGIN,
    SERIAL,
    lists,
    refused,
    token,
    trust,
    verifier,
)
from tests.signing import pki_support as pki
from tests.signing.pki_support import DAY, NOW

SECRET = bytes(range(32))


def certified(subject: Name, **more: Any) -> bytes:
    made = pki.issuing().issue(subject, pki.citizen_key(), **more)
    return made.public_bytes(pki.Encoding.DER)


async def test_a_login_says_who_where_and_what_for() -> None:
    login = await verifier().verify(token(), challenge=CHALLENGE)
    assert login.holder == Holder("王測試", "6789", SERIAL, "C=TW,O=測試院,OU=測試憑證管理中心")
    assert (login.origin, login.purpose) == (ORIGIN, Purpose.LOGIN)
    assert login.time == "2026-06-15T08:30:00Z"
    assert login.certificate.der == pki.citizen()
    assert login.presented.certificate == login.certificate.thumbprint
    assert login.presented.claimed_time == login.time
    assert "王測試" not in repr(login)  # logs print objects


async def test_each_of_several_origins_is_the_site_s() -> None:
    site = verifier(origins=(ORIGIN, "https://second.example"))
    other = token(origin="https://second.example")
    assert (await site.verify(other, challenge=CHALLENGE)).origin == "https://second.example"


@pytest.mark.parametrize(
    "raw",
    [
        *(None, 7, "", base64.b64encode(bytes(9)).decode(), b"", b"AAAA", bytearray(b"\x30\x00")),
        bytes(MAX_TOKEN + 1),
    ],
    ids=["none", "int", "text", "base64", "empty", "ascii", "bytearray", "too-long"],
)
async def test_what_is_no_token_is_refused(raw: Any) -> None:
    error = await refused(raw)
    assert error.code is VerificationCode.SIGNATURE_INVALID
    assert error.detail
    assert error.presented.certificate is None


async def test_the_longest_token_is_looked_at() -> None:
    assert "large" not in (await refused(bytes(MAX_TOKEN))).detail
    assert "large" in (await refused(bytes(MAX_TOKEN + 1))).detail


@pytest.mark.parametrize("text", ["", "MAA=", base64.b64encode(token()).decode()])
def test_base64_is_decoded(text: str) -> None:
    assert decode_token(text) == base64.b64decode(text)


@pytest.mark.parametrize("text", ["MAA", "MAA=\n", "MA A=", "MA-_", "測試", None, 7])
def test_what_is_not_base64_is_refused(text: Any) -> None:
    with pytest.raises(VerificationError) as error:
        decode_token(text)
    assert error.value.code is VerificationCode.SIGNATURE_INVALID


@pytest.mark.parametrize("challenge", [None, "", "text", b"", bytes(32), 7, bytearray(CHALLENGE)])
async def test_without_the_challenge_that_was_issued_nobody_logs_in(challenge: Any) -> None:
    error = await refused(token(), challenge=challenge)
    assert error.code is VerificationCode.CHALLENGE_MISMATCH


async def test_a_purpose_may_be_written_as_text() -> None:
    login = await verifier().verify(token(), challenge=CHALLENGE, purpose="login")  # type: ignore[arg-type]
    assert login.purpose is Purpose.LOGIN


@pytest.mark.parametrize("purpose", [Purpose.IDENTIFY, "identify", "", None])
async def test_another_purpose_is_refused(purpose: Any) -> None:
    error = await refused(token(), purpose=purpose)
    assert error.code is VerificationCode.PURPOSE_MISMATCH


async def test_a_refusal_tells_the_audit_what_was_shown() -> None:
    thumbprint = read_certificate(pki.citizen()).thumbprint
    wrong = await refused(token(origin="https://evil.example"))
    assert wrong.code is VerificationCode.ORIGIN_MISMATCH
    assert wrong.presented.certificate == thumbprint
    assert wrong.presented.claimed_time == "2026-06-15T08:30:00Z"
    assert "evil.example" in wrong.detail
    assert "evil.example" not in str(wrong)  # what a page may be told
    stranger = await refused(token(), verifier(revocation=StaticSource.of()))
    assert stranger.code is VerificationCode.REVOCATION_UNKNOWN
    assert stranger.presented.certificate == thumbprint
    assert stranger.presented.claimed_time is None  # not read, since nobody vouches for it


async def test_no_detail_names_the_citizen() -> None:
    cases = {
        "untrusted": verifier(trust=TrustStore((read_certificate(pki.issuing_other().der),))),
        "expired": verifier(clock=lambda: NOW + 4000 * DAY),
        "list": verifier(revocation=StaticSource.of()),
    }
    for site in cases.values():
        error = await refused(token(), site)
        assert "王測試" not in error.detail
        assert SERIAL not in error.detail


async def test_a_clock_that_went_back_refuses_instead_of_accepting() -> None:
    early = verifier(clock=lambda: NOW - DAY - pki.timedelta(seconds=1))
    assert (await refused(token(), early)).code is VerificationCode.REVOCATION_UNKNOWN
    assert (await verifier().verify(token(), challenge=CHALLENGE)).origin == ORIGIN


async def test_an_authority_s_date_is_not_the_card_s() -> None:
    ended = pki.root().issue(
        pki.MOICA,
        pki.rsa_key("issuing"),
        serial=2,
        usage=("key_cert_sign", "crl_sign"),
        ca=True,
        not_after=NOW - DAY,
    )
    site = verifier(trust=trust(pki.Authority(ended, pki.rsa_key("issuing"))))
    assert (await refused(token(), site)).code is VerificationCode.CERTIFICATE_UNTRUSTED


class Silent:
    """A source whose store is down."""

    async def current(self) -> RevocationData:
        raise ConnectionError("no store")


async def test_a_source_that_fails_is_no_verdict() -> None:
    with pytest.raises(ConnectionError):
        await verifier(revocation=Silent()).verify(token(), challenge=CHALLENGE)


def test_without_trust_nothing_starts() -> None:
    with pytest.raises(ValueError, match="no trusted authority"):
        verifier(trust=TrustStore(()))


def test_a_clock_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        verifier(clock=lambda: NOW.replace(tzinfo=None))


def test_only_digits_of_ascii_are_digits() -> None:
    facts = read_certificate(pki.citizen())
    for serial in ("０" * 16, SERIAL + "\n", None):
        with pytest.raises(VerificationError):
            MOICA.check(replace(facts, subject_serial=serial))


@pytest.mark.parametrize("serial", ["", "000000000000001", "00000000000000001", "A" * 16])
async def test_a_citizen_has_a_subject_serial_of_sixteen_digits(serial: str) -> None:
    subject = pki.citizen_name(serial) if serial else pki.MOICA
    error = await refused(token(certified(subject)))
    assert error.code is VerificationCode.PROFILE_MISMATCH
    assert error.presented.claimed_time is not None


@pytest.mark.parametrize("name", ["𠮷測試", "\u202e試測", "O'Test", "00"])
async def test_a_name_may_be_anything_and_is_no_identity(name: str) -> None:
    raw = token(certified(pki.citizen_name(common_name=name)))
    login = await verifier().verify(raw, challenge=CHALLENGE)
    assert login.holder.name == name
    assert login.holder.id_last4 is None
    same = Holder(None, None, SERIAL, login.holder.issuer)
    assert same.account_key(SECRET) == login.holder.account_key(SECRET)


def test_an_account_key_is_of_issuer_serial_and_secret() -> None:
    holder = Holder("王測試", "6789", SERIAL, "C=TW,O=測試院")
    key = holder.account_key(SECRET)
    expected = "28176a6de7804ca15cf1977eb078b6745ff6091f359203b55154717aeadaf914"
    assert key.hex() == expected  # HMAC-SHA-256 by another program
    assert Holder(None, None, SERIAL, "C=TW,O=測試院").account_key(SECRET) == key
    assert Holder(None, None, SERIAL[:-1] + "2", "C=TW,O=測試院").account_key(SECRET) != key
    assert Holder(None, None, SERIAL, "C=TW,O=別院").account_key(SECRET) != key
    assert holder.account_key(SECRET[::-1]) != key
    with pytest.raises(ValueError, match="32 octets"):
        holder.account_key(SECRET[:-1])


async def test_another_profile_takes_other_cards() -> None:
    class Companies:
        def check(self, certificate: Any) -> Holder:
            return Holder(certificate.subject_cn, None, "company", certificate.issuer)

    site = verifier(profile=Companies())
    login = await site.verify(token(certified(pki.MOICA)), challenge=CHALLENGE)
    assert login.holder.subject_serial == "company"
    facts = read_certificate(pki.citizen())
    assert MOICA.check(facts).subject_serial == SERIAL


async def test_the_event_loop_goes_on_meanwhile() -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    await verifier().verify(token(), challenge=CHALLENGE)
    beating.cancel()
    assert beats > 5


async def test_many_at_once_are_each_judged_by_themselves() -> None:
    site = verifier()
    raws = [token(challenge=bytes((number,)) * 32) for number in range(8)]
    found = await asyncio.gather(
        *(site.verify(raw, challenge=bytes((number ^ 1,)) * 32) for number, raw in enumerate(raws)),
        return_exceptions=True,
    )
    codes = {each.code for each in found if isinstance(each, VerificationError)}
    assert codes == {VerificationCode.CHALLENGE_MISMATCH}
    assert len(found) == 8
    logins = await asyncio.gather(
        *(site.verify(raw, challenge=bytes((number,)) * 32) for number, raw in enumerate(raws))
    )
    assert {login.origin for login in logins} == {ORIGIN}


def test_the_judge_is_chosen_once_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agent.relying")
    verifier(revocation=lists())
    assert "judged by cryptography" in caplog.text

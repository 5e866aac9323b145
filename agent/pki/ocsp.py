"""Check one certificate against OCSP responses, strictly (RFC 6960); none is asked for here.

A response counts if the key that signed the certificate signed it, or a responder that this key's
owner named: by a certificate for signing responses (§4.2.2.2). What it says is about one
certificate, and between two dates; without the second it speaks of its own moment alone.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple, Self

from asn1crypto import algos, core
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509

from agent.cms import der
from agent.cms.certificate_fields import CertificateFields
from agent.cms.errors import CmsError, hostile_input
from agent.pki import crl
from agent.pki.certificate import KeyUsage
from agent.pki.chain import ChainCertificate, parse_chain_certificate
from agent.pki.crl import Revocation
from agent.pki.reading import read_certificate
from agent.pki.revocation import RevocationData
from agent.pki.signed_octets import is_signed

MAX_RESPONSE: Final = 64 * 1024
"""Bytes of a response; real ones have one to five thousand."""
_MAX_CERTIFICATES: Final = 4
_MAX_ANSWERS: Final = 32
"""Of a response; real ones have one. Whoever writes a document chooses how much is read of it."""
_KEPT: Final = 256
"""Responses; no fewer than a document may have, or each would be read anew at every look."""
_SIGNS_RESPONSES: Final = "ocsp_signing"
_HASHES: Final = ("sha1", "sha256", "sha384", "sha512")
"""That name issuers; no signature depends on them."""
_HOLD: Final = "certificate_hold"


class _Word(IntEnum):
    """What somebody who signed a response may say."""

    NOTHING = 0
    REVOKED = 1  # not cleared itself, it revokes as any list does, but clears nobody
    ALL = 2


class _Answer(NamedTuple):
    """What a response says of one certificate.

    Attributes:
        hash: the name of the digest algorithm of the next two.
        name: the digest of the issuer's name.
        key: of the issuer's key.
        serial: of the certificate.
        good: whether it is not revoked.
        revoked: since when it is, and why; None where it is not, or unknown.
        this_update: when that was known to be so, UTC.
        next_update: until when it may be taken to be so, UTC.

    """

    hash: str
    name: bytes
    key: bytes
    serial: int
    good: bool
    revoked: Revocation | None
    this_update: datetime
    next_update: datetime

    def is_about(self, certificate: ChainCertificate, issuer: ChainCertificate) -> bool:
        """Return whether it is about a certificate (RFC 6960 §4.1.1)."""
        if self.serial != certificate.facts.serial:
            return False
        name = CertificateFields.of(certificate.facts.der).issuer
        return self.name == _hashed(self.hash, name) and self.key == _hashed(
            self.hash, _key(issuer)
        )

    def is_fresh(self, at: datetime) -> bool:
        """Return whether ``at`` is between its two dates."""
        return self.this_update <= at <= self.next_update


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class OcspResponse:
    """A parsed response; who may have signed it is asked for each issuer.

    Attributes:
        answers: what it says.
        certificates: that came along.

    """

    answers: tuple[_Answer, ...]
    certificates: tuple[ChainCertificate, ...]
    _names: Callable[[ChainCertificate], bool]
    """Whether it names a certificate's subject, or its key, as the one that signed it."""
    _algorithm: algos.SignedDigestAlgorithm
    _signature: bytes
    _signed: bytes
    _signed_by: dict[bytes, bool] = field(default_factory=dict)

    @classmethod
    def from_der(cls, raw: bytes) -> Self:
        """Parse one response.

        Raises:
            CmsError: it is malformed, too large, of another kind, no answer but an error, or has
                an extension that has to be understood, and is not.

        """
        der.require_der(raw, max_size=MAX_RESPONSE)
        with hostile_input("OCSP response"):
            whole = asn1_ocsp.OCSPResponse.load(raw, strict=True)
            if whole["response_status"].native != "successful":
                raise CmsError("an OCSP response without an answer")
            if whole["response_bytes"]["response_type"].native != "basic_ocsp_response":
                raise CmsError("an OCSP response of another kind")
            basic = whole["response_bytes"]["response"].parsed
            data = basic["tbs_response_data"]
            _require_understood(data["response_extensions"])
            if len(data["responses"]) > _MAX_ANSWERS:
                raise CmsError("an OCSP response with very many answers")
            return cls(
                answers=tuple(map(_answer, data["responses"])),
                certificates=tuple(_certificates(basic["certs"])),
                _names=_namer(data["responder_id"]),
                _algorithm=basic["signature_algorithm"],
                _signature=basic["signature"].native,
                _signed=data.dump(),
            )

    def word_for(self, issuer: ChainCertificate, data: RevocationData, at: datetime) -> _Word:
        """Return what it may say of certificates of an issuer (§4.2.2.2).

        Args:
            issuer: whose certificates.
            data: lists that may clear the responder; no response does.
            at: when the responder's certificate has to be valid.

        """
        if self._is_by(issuer):
            return _Word.ALL
        for each in self.certificates:
            with suppress(CmsError), hostile_input("certificate"):
                if self._is_by(each) and _is_responder(each, issuer, at):
                    return _word_of(each, issuer, data, at)
        return _Word.NOTHING

    def may_be_for(self, issuer: ChainCertificate) -> bool:
        """Return whether an issuer signed it, or somebody whose certificate it signed."""
        return self._is_by(issuer) or any(
            self._is_by(each) and each.was_issued_by(issuer) for each in self.certificates
        )

    def _is_by(self, signer: ChainCertificate) -> bool:
        known = self._signed_by.get(signer.facts.der)
        if known is None:
            known = self._signed_by[signer.facts.der] = self._verify(signer)
        return known

    def _verify(self, signer: ChainCertificate) -> bool:
        with suppress(CmsError), hostile_input("OCSP response"):
            key = signer.facts.public_key
            return self._names(signer) and is_signed(
                key, self._algorithm, self._signature, self._signed
            )
        return False


class AnsweredStatus(NamedTuple):
    """What responses say about a certificate.

    Attributes:
        revoked: since when it is; None where no fresh one says so.
        good: whether the newest fresh one says that it is not.
        stale_since: until when the last one counted, if none is fresh.

    """

    revoked: Revocation | None = None
    good: bool = False
    stale_since: datetime | None = None


def status(
    certificate: ChainCertificate,
    issuer: ChainCertificate,
    data: RevocationData,
    at: datetime,
    until: datetime | None = None,
) -> AnsweredStatus:
    """Check one certificate against responses, at one moment.

    Of those that may clear it only the newest counts: an older one may still have a suspension that
    has ended, and of several of one moment each can revoke.

    Args:
        certificate: that is asked about.
        issuer: of it.
        data: the responses, and lists that may clear who signed them.
        at: when they have to be fresh.
        until: what was revoked later does not count; None for all.

    Raises:
        CmsError: a list that is used is malformed.

    """
    clearing: list[_Answer] = []
    revoking: list[_Answer] = []
    ended: list[datetime] = []
    for response in _parsed(data.ocsps):
        found = [each for each in response.answers if each.is_about(certificate, issuer)]
        word = response.word_for(issuer, data, at) if found else _Word.NOTHING
        if word is _Word.NOTHING:
            continue
        fresh = [each for each in found if each.is_fresh(at)]
        ended += [each.next_update for each in found if each.next_update < at]
        (clearing if word is _Word.ALL else revoking).extend(fresh)
    newest = max((each.this_update for each in clearing), default=None)
    last = [each for each in clearing if each.this_update == newest]
    lasting = [each for each in clearing if each.revoked and each.revoked.reason != _HOLD]
    entries = [each.revoked for each in (*last, *lasting, *revoking) if each.revoked]
    entries = [each for each in entries if until is None or each.at <= until]
    return AnsweredStatus(
        revoked=entries[0] if entries else None,
        good=bool(last) and not entries and all(each.good or each.revoked for each in last),
        stale_since=max(ended) if ended and not clearing else None,
    )


def moments_of(responses: Sequence[bytes], issuers: Collection[ChainCertificate]) -> set[datetime]:
    """Return the moments that responses speak of first, UTC.

    Args:
        responses: of which those count that may be for one of the issuers.
        issuers: of the certificates in question.

    """
    return {
        each.this_update
        for found in _parsed(responses)
        if any(map(found.may_be_for, issuers))
        for each in found.answers
    }


def _parsed(responses: Sequence[bytes]) -> Iterator[OcspResponse]:
    """Yield what can be read; what cannot proves nothing, and the others may."""
    for raw in responses:
        found = _read(raw)
        if found is not None:
            yield found


@lru_cache(_KEPT)
def _read(raw: bytes) -> OcspResponse | None:
    try:
        return OcspResponse.from_der(raw)
    except CmsError:
        return None


def _is_responder(each: ChainCertificate, issuer: ChainCertificate, at: datetime) -> bool:
    """Return whether an issuer named this certificate's holder to answer for it."""
    facts = each.facts
    if not facts.not_before <= at <= facts.not_after:
        return False
    if facts.key_usage and not {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION} & set(
        facts.key_usage
    ):
        return False
    usage = asn1_x509.Certificate.load(facts.der).extended_key_usage_value
    is_named = usage is not None and _SIGNS_RESPONSES in usage.native
    return is_named and each.was_issued_by(issuer)


def _word_of(
    each: ChainCertificate, issuer: ChainCertificate, data: RevocationData, at: datetime
) -> _Word:
    """Return what a responder may say: all where it is cleared, or needs not be (§4.2.2.2.1)."""
    listed = crl.status(each, issuer, data.crls, at)
    if listed.revoked is not None:
        return _Word.NOTHING
    is_exempt = asn1_x509.Certificate.load(each.facts.der).ocsp_no_check_value is not None
    return _Word.ALL if is_exempt or listed.good else _Word.REVOKED


def _answer(found: asn1_ocsp.SingleResponse) -> _Answer:
    _require_understood(found["single_extensions"])
    named = found["cert_id"]
    algorithm = named["hash_algorithm"]["algorithm"].native
    if algorithm not in _HASHES:
        raise CmsError("an OCSP response with another digest algorithm")
    this_update = _moment(found["this_update"])
    next_update = found["next_update"]
    is_open = isinstance(next_update, core.Void)
    said = found["cert_status"]
    return _Answer(
        algorithm,
        named["issuer_name_hash"].native,
        named["issuer_key_hash"].native,
        named["serial_number"].native,
        said.name == "good",
        _revocation(said.chosen) if said.name == "revoked" else None,
        this_update,
        this_update if is_open else _moment(next_update),
    )


def _revocation(said: asn1_ocsp.RevokedInfo) -> Revocation:
    reason = said["revocation_reason"].native
    return Revocation(_moment(said["revocation_time"]), reason or "unspecified")


def _certificates(found: core.Asn1Value) -> Iterator[ChainCertificate]:
    """Yield the first few that came along; one that cannot be read signed nothing."""
    if isinstance(found, core.Void):
        return
    for each in list(found)[:_MAX_CERTIFICATES]:
        with suppress(CmsError):
            yield parse_chain_certificate(read_certificate(each.dump()))


def _namer(found: asn1_ocsp.ResponderId) -> Callable[[ChainCertificate], bool]:
    """Return what says whether a certificate is of the responder that is named, by either way."""
    if found.name == "by_key":
        key = bytes(found.chosen.native)
        return lambda each: _hashed("sha1", _key(each)) == key  # §4.2.1: always SHA-1
    name = found.chosen.untag().dump()
    return lambda each: CertificateFields.of(each.facts.der).subject == name


def _key(certificate: ChainCertificate) -> bytes:
    """Return the octets of a public key without what says of which kind it is."""
    info = CertificateFields.of(certificate.facts.der).public_key
    return der.contents(der.children(info)[1])[1:]


def _hashed(name: str, octets: bytes) -> bytes:
    return hashlib.new(name, octets, usedforsecurity=False).digest()


def _moment(value: core.GeneralizedTime) -> datetime:
    moment = value.native
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise CmsError("an OCSP response with a date outside the calendar")
    return moment.astimezone(UTC)


def _require_understood(extensions: core.Asn1Value) -> None:
    if isinstance(extensions, core.Void):
        return
    if any(each["critical"].native for each in extensions):
        raise CmsError("an OCSP response with an extension of an unknown kind")

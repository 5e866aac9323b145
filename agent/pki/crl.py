"""Check one certificate against revocation lists, strictly (RFC 5280 §5, §6.3.3).

A list is used only if it is signed by the key that signed the certificate: all generations of the
citizen authority have one name, and the list of one is not valid for the others. It is parsed once,
however many certificates are looked up in it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from asn1crypto import algos, core
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.cms import der
from agent.cms.certificate_fields import CertificateFields
from agent.cms.errors import CmsError, hostile_input
from agent.pki import names
from agent.pki.chain import ChainCertificate
from agent.pki.crl_entries import (
    ElementPosition,
    index_entries,
    position_of,
    revoked_certificates,
)
from agent.pki.crl_scope import ListScope
from agent.pki.signed_octets import is_signed
from agent.size_limits import MAX_CRL

_UNDERSTOOD: Final = frozenset(
    ("issuing_distribution_point", "delta_crl_indicator", "crl_number", "authority_key_identifier")
)
_VERSION_2: Final = b"\x02\x01\x01"
_PKCS_1: Final = bytes.fromhex("06092a864886f70d0101")
_PSS: Final = _PKCS_1 + b"\x0a"
_NO_PARAMETERS: Final = (b"", b"\x05\x00")
_DATE: Final = re.compile(rb"[0-9]{12}(?:[0-9]{2})?Z")  # RFC 5280 §4.1.2.5
_FIELDS: Final = re.compile(rb"\x02\x30\x30[\x17\x18]{1,2}\xa0?")
_REMOVED: Final = "remove_from_crl"


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry of a list: when, and the reason of RFC 5280 §5.3.1, such as ``key_compromise``."""

    at: datetime
    reason: str

    @property
    def is_lifted(self) -> bool:
        """Whether a delta list says by it that a suspension has ended."""
        return self.reason == _REMOVED


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RevocationList:
    """A parsed list; its signature is verified when an issuer is named (:meth:`is_signed_by`).

    Attributes:
        der: the list itself.
        this_update: when it was issued, UTC.
        next_update: when the next one is due, UTC.
        scope: which certificates it is about.
        number: its CRL number; None where it has none.
        base: for a delta list the number of the complete list that it changes; None for others.
        is_understood: whether it has no critical extension of an unknown kind.

    """

    der: bytes
    this_update: datetime
    next_update: datetime
    scope: ListScope
    number: int | None
    base: int | None
    is_understood: bool
    _issuer: list[list[tuple[str, str]]]
    _algorithm: algos.SignedDigestAlgorithm
    _signature: bytes
    _signed: tuple[int, int]
    """Where the TBSCertList begins and ends."""
    _entries: Mapping[int, int]
    _signed_by: dict[x509.Certificate, bool] = field(default_factory=dict)

    @classmethod
    def from_der(cls, raw: bytes) -> Self:
        """Parse one list; a real one takes some tenths of a second.

        Raises:
            CmsError: malformed, too large, or without the date of the next update.

        """
        if len(raw) > MAX_CRL:
            raise CmsError("revocation list too large")
        with hostile_input("revocation list"):
            whole = position_of(raw, 0, len(raw))
            if whole.end != len(raw):
                raise CmsError("something after a revocation list")
            body = position_of(raw, whole.contents, whole.end)
            if whole.tag != der.SEQUENCE or body.tag != der.SEQUENCE:
                raise CmsError("no revocation list")
            entries = revoked_certificates(raw, body)
            # The parser below would copy them again and again.
            bare = _without(raw, whole, body, entries)
            der.require_der(bare, max_size=MAX_CRL)
            _require_form(bare)
            header = asn1_crl.CertificateList.load(bare)
            tbs = header["tbs_cert_list"]
            if isinstance(tbs["next_update"], core.Void):
                raise CmsError("a revocation list without the date of the next one")
            if tbs["signature"].dump() != header["signature_algorithm"].dump():
                raise CmsError("a revocation list with two signature algorithms")
            extensions = _extensions(tbs)
            return cls(
                der=raw,
                this_update=_moment(tbs["this_update"]),
                next_update=_moment(tbs["next_update"]),
                scope=ListScope.of(extensions.get("issuing_distribution_point")),
                number=_number(extensions.get("crl_number")),
                base=_number(extensions.get("delta_crl_indicator")),
                is_understood=_is_understood(tbs),
                _issuer=names.attributes(tbs["issuer"].dump()),
                _algorithm=header["signature_algorithm"],
                _signature=header["signature"].native,
                _signed=(body.at, body.end),
                _entries=index_entries(raw, entries) if entries else {},
            )

    def is_signed_by(self, issuer: x509.Certificate) -> bool:
        """Return whether this certificate's key signed the list and may sign lists."""
        known = self._signed_by.get(issuer)
        if known is None:
            known = self._signed_by[issuer] = self._verify(issuer)
        return known

    def _verify(self, issuer: x509.Certificate) -> bool:
        with hostile_input("certificate"):
            fields = CertificateFields.of(issuer.public_bytes(Encoding.DER))
            subject = names.attributes(fields.subject)
        if self._issuer != subject or not _may_sign_lists(issuer):
            return False
        begin, end = self._signed
        with hostile_input("revocation list"):
            signed = memoryview(self.der)[begin:end]
            return is_signed(issuer.public_key(), self._algorithm, self._signature, signed)

    def is_fresh(self, at: datetime) -> bool:
        """Return whether ``at`` is between the list's two dates."""
        return self.this_update <= at <= self.next_update

    def clears(self, certificate: ChainCertificate) -> bool:
        """Return whether a certificate that is not in the list is not revoked, by this list alone.

        Raises:
            CmsError: the certificate's extensions are malformed.

        """
        complete = self.is_understood and self.base is None
        return complete and self.scope.covers(certificate.facts.der)

    def changes(self, other: "RevocationList") -> bool:
        """Return whether this is a delta list for a complete one (RFC 5280 §5.2.4)."""
        if self.base is None or self.number is None or other.number is None:
            return False
        same = self.scope.identity == other.scope.identity
        return same and self.is_understood and self.base <= other.number <= self.number

    def find(self, certificate: ChainCertificate) -> Revocation | None:
        """Return the entry of a certificate, by its serial number; None where there is none.

        Raises:
            CmsError: the entry is malformed.

        """
        at = self._entries.get(certificate.facts.serial)
        if at is None:
            return None
        with hostile_input("revocation list"):
            end = position_of(self.der, at, len(self.der)).end
            entry = asn1_crl.RevokedCertificate.load(self.der[at:end], strict=True)
            return Revocation(_moment(entry["revocation_date"]), _reason(entry))


def _without(
    raw: bytes, whole: ElementPosition, body: ElementPosition, entries: ElementPosition | None
) -> bytes:
    """Return a list without its entries; its signature does not fit any more."""
    if entries is None:
        return raw
    inner = raw[body.contents : entries.at] + raw[entries.end : body.end]
    return der.element(der.SEQUENCE, der.element(der.SEQUENCE, inner), raw[body.end : whole.end])


def _require_form(bare: bytes) -> None:
    """Refuse a list of more or other parts than RFC 5280 §5.1 names; its entries are left out."""
    body, *outer = der.children(bare)
    version, *_ = fields = der.children(body)
    tags = bytes(field[0] for field in fields)
    if [each[0] for each in outer] != [der.SEQUENCE, 0x03] or version != _VERSION_2:
        raise CmsError("no revocation list of version 2")
    if not _FIELDS.fullmatch(tags) or any(len(der.children(each)) != 1 for each in fields[5:]):
        raise CmsError("a revocation list of other parts")
    if not all(_DATE.fullmatch(each[2:]) for each in fields[3:5]):
        raise CmsError("a revocation list with a date in another form")
    name = der.children(outer[0])[0]
    if (
        name.startswith(_PKCS_1)
        and name != _PSS
        and outer[0][2 + len(name) :] not in _NO_PARAMETERS
    ):
        raise CmsError("a revocation list with parameters of another form")


def _moment(value: asn1_x509.Time) -> datetime:
    moment = value.native
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise CmsError("a revocation list with a date outside the calendar")
    return moment.astimezone(UTC)


def _extensions(tbs: asn1_crl.TbsCertList) -> dict[str, core.Asn1Value]:
    found: dict[str, core.Asn1Value] = {}
    if isinstance(tbs["crl_extensions"], core.Void):
        return found
    for extension in tbs["crl_extensions"]:
        name = extension["extn_id"].native
        if name in found:  # RFC 5280 §4.2: one of each kind
            raise CmsError("a revocation list with two extensions of one kind")
        found[name] = extension["extn_value"].parsed
    return found


def _is_understood(tbs: asn1_crl.TbsCertList) -> bool:
    if isinstance(tbs["crl_extensions"], core.Void):
        return True
    return all(
        item["extn_id"].native in _UNDERSTOOD
        for item in tbs["crl_extensions"]
        if item["critical"].native
    )


def _number(value: core.Asn1Value | None) -> int | None:
    number = None if value is None else value.native
    return number if isinstance(number, int) else None


def _reason(entry: asn1_crl.RevokedCertificate) -> str:
    try:
        reason = entry.crl_reason_value
        return "unspecified" if reason is None else str(reason.native)
    except Exception:  # noqa: BLE001  # a malformed reason does not make the certificate good again
        return "unspecified"


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    with hostile_input("certificate"):
        for extension in issuer.extensions:
            if isinstance(extension.value, x509.KeyUsage):
                return extension.value.crl_sign
    return True


@dataclass(frozen=True, slots=True)
class ListedStatus:
    """What the lists of a certificate's own issuer say about it.

    Attributes:
        usable: all lists that this issuer's key signed, however old.
        revoked: the entry, if a fresh list has one.
        good: whether a fresh list that covers the certificate does not have it.
        stale_since: when the last list that covers it was to be replaced, if none is fresh.

    """

    usable: tuple[RevocationList, ...]
    revoked: Revocation | None
    good: bool
    stale_since: datetime | None = None


def status(
    certificate: ChainCertificate,
    issuer: ChainCertificate,
    lists: Iterable[RevocationList],
    at: datetime,
    until: datetime | None = None,
) -> ListedStatus:
    """Check one certificate against the lists that its issuer signed, at one moment.

    Of the lists that cover it only the newest is used, with the newest delta list that changes it:
    an older one may still have a suspension that has ended, and of several that were issued at one
    moment each can revoke. Any other list can revoke a certificate but not clear it. Lists have to
    be fresh ``at`` that moment; what was revoked after ``until``, if given, does not count.

    Raises:
        CmsError: a list or certificate that is used is malformed.

    """
    usable = tuple(
        item
        for item in lists
        if not item.scope.is_indirect and item.is_signed_by(issuer.certificate)
    )
    covering = [item for item in usable if item.clears(certificate)]
    fresh = [item for item in covering if item.is_fresh(at)]
    entries = [
        entry
        for item in usable
        if item.is_fresh(at) and item not in covering
        if (entry := item.find(certificate)) is not None and not entry.is_lifted
    ]
    if fresh:
        newest = max(item.this_update for item in fresh)
        current = [item for item in usable if item.is_fresh(at)]
        for item in fresh:
            if item.this_update == newest:  # of two of one moment each can revoke
                entry = _find_with_delta(certificate, item, current)
                entries += [entry] if entry is not None else []
    entries = [each for each in entries if until is None or each.at <= until]
    dates = [item.next_update for item in covering if item.next_update < at]
    return ListedStatus(
        usable=usable,
        revoked=entries[0] if entries else None,
        good=bool(fresh) and not entries,
        stale_since=max(dates) if dates and not fresh else None,
    )


def _find_with_delta(
    certificate: ChainCertificate, newest: RevocationList, fresh: list[RevocationList]
) -> Revocation | None:
    """Return the entry of the newest list, unless a newer delta list has lifted it."""
    entry = newest.find(certificate)
    deltas = [item for item in fresh if item.changes(newest)]
    if not deltas:
        return entry
    delta = max(deltas, key=lambda item: (item.number or 0, item.this_update))
    change = delta.find(certificate)
    return None if change is not None and change.is_lifted else entry

"""Find the chains from a certificate to an anchor, by name, key identifier and signature.

Names are not enough: all generations of the citizen authority have the same one. In a chain each
certificate is signed by the next one's key.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from agent.cms.errors import CmsError, hostile_input
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts

MAX_LENGTH = 6  # certificates, anchor and leaf included
MAX_CHAINS = 8
MAX_CHECKS = 500  # questions whether one certificate was issued by another


@dataclass(frozen=True, slots=True, eq=False)
class ChainCertificate:
    """A certificate of a chain, in both of the forms that are needed, and its names."""

    facts: CertificateFacts
    certificate: x509.Certificate
    subject: x509.Name
    issuer: x509.Name
    _issued_by: dict[bytes, bool] = field(default_factory=dict)

    def was_issued_by(self, other: "ChainCertificate") -> bool:
        """Return whether ``other``'s key signed this certificate under ``other``'s name."""
        known = self._issued_by.get(other.facts.der)
        if known is None:
            known = self._issued_by[other.facts.der] = self._verify(other)
        return known

    def _verify(self, other: "ChainCertificate") -> bool:
        stated, own = self.facts.authority_key_identifier, other.facts.subject_key_identifier
        if stated is not None and own is not None and stated != own:
            return False
        if self.issuer != other.subject:
            return False
        try:
            self.certificate.verify_directly_issued_by(other.certificate)
        except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
            return False
        return True


def parse_chain_certificate(facts: CertificateFacts) -> ChainCertificate:
    """Parse a certificate with the stricter parser, which can check signatures.

    Raises:
        CmsError: that parser does not accept it.

    """
    with hostile_input("certificate"):
        certificate = x509.load_der_x509_certificate(facts.der)
        _ = certificate.extensions
        return ChainCertificate(facts, certificate, certificate.subject, certificate.issuer)


def find_chains(
    leaf: CertificateFacts, store: TrustStore, at: datetime
) -> list[tuple[ChainCertificate, ...]]:
    """Find up to eight chains, each from the leaf to an anchor that is within its own validity.

    Raises:
        CmsError: the leaf or an anchor is malformed.

    """
    anchors = [
        _authority(facts, store)
        for facts in store.anchors
        if facts.not_before <= at <= facts.not_after
    ]
    search = _Search(anchors, _usable(store))
    return list(islice(search.climb((parse_chain_certificate(leaf),)), MAX_CHAINS))


def _usable(store: TrustStore) -> list[ChainCertificate]:
    found = []
    for facts in store.intermediates:
        if facts.is_ca:
            with suppress(CmsError):  # they are hints; some came along with a message
                found.append(_authority(facts, store))
    return found


def _authority(facts: CertificateFacts, store: TrustStore) -> ChainCertificate:
    """Return what a certificate of this store is when parsed, each of them once."""
    known = store.parsed.get(facts.der)
    if known is None:
        known = store.parsed[facts.der] = parse_chain_certificate(facts)
    return known


class _Search:
    """A depth-first search with a limited number of signature checks."""

    def __init__(self, anchors: list[ChainCertificate], between: list[ChainCertificate]) -> None:
        self.anchors = anchors
        self.between = between
        self.checks_left = MAX_CHECKS

    def climb(self, below: tuple[ChainCertificate, ...]) -> Iterator[tuple[ChainCertificate, ...]]:
        for anchor in self._issuers(below, self.anchors):
            yield (*below, anchor)
        if len(below) + 1 < MAX_LENGTH:
            for issuer in self._issuers(below, self.between):
                yield from self.climb((*below, issuer))

    def _issuers(
        self, below: tuple[ChainCertificate, ...], candidates: list[ChainCertificate]
    ) -> Iterator[ChainCertificate]:
        for candidate in candidates:
            if candidate.facts.der in (item.facts.der for item in below):
                continue
            if self.checks_left == 0:
                return
            self.checks_left -= 1
            if below[-1].was_issued_by(candidate):
                yield candidate

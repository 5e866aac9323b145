"""Find the chains from a certificate to an anchor, by name, key identifier and signature.

A name is not enough: the citizen authority's generations all have the same one. A chain is made of
certificates of which each was in fact signed by the next one's key.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from agent.cms.errors import hostile_input
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts

MAX_LENGTH = 6  # certificates, anchor and leaf included
MAX_CHAINS = 8


@dataclass(frozen=True, slots=True)
class Link:
    """One certificate in both of the forms that are needed."""

    facts: CertificateFacts
    certificate: x509.Certificate

    def was_issued_by(self, other: "Link") -> bool:
        """Tell whether ``other``'s key signed this certificate under ``other``'s name."""
        stated, own = self.facts.authority_key_identifier, other.facts.subject_key_identifier
        if stated is not None and own is not None and stated != own:
            return False
        if self.certificate.issuer != other.certificate.subject:
            return False
        try:
            self.certificate.verify_directly_issued_by(other.certificate)
        except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
            return False
        return True


def link(facts: CertificateFacts) -> Link:
    """Parse a certificate once more, by the stricter parser that checks signatures.

    Raises:
        CmsError: that parser does not accept it.

    """
    with hostile_input("certificate"):
        certificate = x509.load_der_x509_certificate(facts.der)
        _ = certificate.issuer, certificate.subject, certificate.extensions
        return Link(facts, certificate)


def find_chains(leaf: CertificateFacts, store: TrustStore, at: datetime) -> list[tuple[Link, ...]]:
    """Find up to eight chains, each from the leaf to an anchor that is within its own validity.

    Raises:
        CmsError: the leaf or a configured certificate is malformed.

    """
    anchors = [link(facts) for facts in store.anchors if facts.not_before <= at <= facts.not_after]
    between = [link(facts) for facts in store.intermediates if facts.is_ca]
    found: list[tuple[Link, ...]] = []
    for chain in _climb((link(leaf),), anchors, between):
        found.append(chain)
        if len(found) == MAX_CHAINS:
            break
    return found


def _climb(
    below: tuple[Link, ...], anchors: Iterable[Link], between: Iterable[Link]
) -> Iterator[tuple[Link, ...]]:
    top = below[-1]
    seen = {item.facts.der for item in below}
    for anchor in anchors:
        if anchor.facts.der not in seen and top.was_issued_by(anchor):
            yield (*below, anchor)
    if len(below) + 1 >= MAX_LENGTH:
        return
    for issuer in between:
        if issuer.facts.der not in seen and top.was_issued_by(issuer):
            yield from _climb((*below, issuer), anchors, between)

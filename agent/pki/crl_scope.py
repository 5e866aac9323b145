"""Which certificates a revocation list speaks of (RFC 5280 §5.2.5, §6.3.3 (b))."""

from dataclasses import dataclass
from typing import Self

from asn1crypto import core, crl, x509

from agent.cms.errors import hostile_input


@dataclass(frozen=True, slots=True)
class ListScope:
    """The part of an issuer's certificates that a list is about; by default all of them.

    Attributes:
        identity: the DER of the issuing distribution point; empty where there is none.
        names: the DER of the names of the distribution point; None where it has no name.
        users_only: whether it leaves out the certificates of authorities.
        authorities_only: whether it has nothing but those.
        is_partial: whether even a certificate that belongs to it may be revoked and not be in it:
            only some reasons, only attribute certificates, or a name in a form that is not read.
        is_indirect: whether entries may be about the certificates of other issuers.

    """

    identity: bytes = b""
    names: frozenset[bytes] | None = None
    users_only: bool = False
    authorities_only: bool = False
    is_partial: bool = False
    is_indirect: bool = False

    @classmethod
    def of(cls, point: crl.IssuingDistributionPoint | None) -> Self:
        """Read the scope of an issuing distribution point; None for a list without one."""
        if point is None:
            return cls()
        where = point["distribution_point"]
        is_named = not isinstance(where, core.Void)
        is_full = is_named and where.name == "full_name"
        names = frozenset(name.dump() for name in where.chosen) if is_full else None
        return cls(
            identity=point.dump(),
            names=names,
            users_only=bool(point["only_contains_user_certs"].native),
            authorities_only=bool(point["only_contains_ca_certs"].native),
            is_partial=(is_named and not is_full)
            or point["only_some_reasons"].native is not None
            or bool(point["only_contains_attribute_certs"].native),
            is_indirect=bool(point["indirect_crl"].native),
        )

    def covers(self, certificate: bytes) -> bool:
        """Return whether a certificate (DER) would be in the list if it were revoked.

        Raises:
            CmsError: its extensions are malformed.

        """
        if self.is_partial or self.is_indirect:
            return False
        if not (self.names is not None or self.users_only or self.authorities_only):
            return True
        with hostile_input("certificate"):
            parsed = x509.Certificate.load(certificate, strict=True)
            if self.names is not None and not self.names & _distribution_points(parsed):
                return False
            return not (self.users_only if parsed.ca else self.authorities_only)


def _distribution_points(certificate: x509.Certificate) -> frozenset[bytes]:
    """Return the DER of the names where lists for all reasons, by the issuer itself, are."""
    points = certificate.crl_distribution_points_value or ()
    return frozenset(
        name.dump()
        for point in points
        if point["reasons"].native is None and isinstance(point["crl_issuer"], core.Void)
        if not isinstance(point["distribution_point"], core.Void)
        if point["distribution_point"].name == "full_name"
        for name in point["distribution_point"].chosen
    )

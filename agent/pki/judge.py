"""Validate one chain with pyhanko-certvalidator (RFC 5280 §6).

In "require" mode: the default mode accepts a certificate whose revocation could not be checked, and
ignores even a signed "revoked" where the certificate does not declare that mechanism. Nothing is
fetched. The validator is slow to load; only ``agent.pki.path`` imports this module, when needed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from asn1crypto import crl, ocsp, x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    ExpiredError,
    InsufficientRevinfoError,
    NotYetValidError,
    RevokedError,
    StaleRevinfoError,
)
from pyhanko_certvalidator.ltv.poe import POEManager
from pyhanko_certvalidator.policy_decl import NonRevokedStatusAssertion
from pyhanko_certvalidator.registry import CertificateRegistry
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer
from pyhanko_certvalidator.revinfo.manager import RevinfoManager

from agent.pki.result import PathStatus, Verdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """The revocation data for one chain.

    Attributes:
        cleared: SHA-256 thumbprints of certificates that a good list clears already.
        crls: lists of the chain's own issuers, DER.
        ocsps: OCSP responses, DER.

    """

    cleared: frozenset[bytes] = frozenset()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()


def judge(chain: Sequence[bytes], evidence: Evidence, at: datetime) -> Verdict:
    """Validate one chain, leaf first and anchor last, DER; every failure is a verdict.

    It takes some milliseconds, and seconds where there are long lists: not for an event loop.
    """
    try:
        leaf, *between, anchor = map(_load, chain)
        context = _context(anchor, between, evidence, at)
        asyncio.run(CertificateValidator(leaf, validation_context=context).async_validate_path())
    except Exception as exc:  # noqa: BLE001 # asn1crypto below raises whatever it stumbles over
        return _refusal(exc)
    return Verdict(PathStatus.VALID)


def _load(raw: bytes) -> x509.Certificate:
    certificate = x509.Certificate.load(raw, strict=True)
    for name in (certificate.subject, certificate.issuer):
        for relative in name.chosen:
            for attribute in relative:
                _prepare(attribute)
    return certificate


def _prepare(attribute: x509.NameTypeAndValue) -> None:
    """Have a name compared as it is where asn1crypto refuses to prepare it (RFC 5280 §7.1).

    It prepares names by RFC 4518, whose table is that of Unicode 3.2: every ideograph that came
    later, and every private one, would make its holder's certificate worthless.
    """
    try:
        _ = attribute.prepped_value
    except ValueError:
        attribute._prepped = attribute["value"].native  # noqa: SLF001  # there is no other way in


def _containers(raw: bytes) -> list[OCSPContainer]:
    """Return what one OCSP response says; nothing where the validator could not read it."""
    try:
        response = ocsp.OCSPResponse.load(raw, strict=True)
        _ = response.native  # all of it: the validator would stumble where it reads on
        return list(OCSPContainer.load_multi(response))
    except (ValueError, TypeError, LookupError, ArithmeticError):
        return []


def _refusal(reason: Exception) -> Verdict:
    match reason:
        case RevokedError():
            verdict = Verdict(PathStatus.REVOKED, reason.revocation_dt, str(reason.reason.native))
        case StaleRevinfoError():
            verdict = Verdict(PathStatus.STALE, reason.time_cutoff)
        case InsufficientRevinfoError():
            verdict = Verdict(PathStatus.UNKNOWN)
        case ExpiredError():
            verdict = Verdict(PathStatus.EXPIRED, reason.expired_dt)
        case NotYetValidError():
            verdict = Verdict(PathStatus.NOT_YET_VALID, reason.valid_from)
        case _:
            verdict = Verdict(PathStatus.UNTRUSTED, detail=type(reason).__name__)
    return verdict


def _context(
    anchor: x509.Certificate,
    between: Sequence[x509.Certificate],
    evidence: Evidence,
    at: datetime,
) -> ValidationContext:
    registry = CertificateRegistry.build([*between, anchor])
    manager = RevinfoManager(
        certificate_registry=registry,
        poe_manager=POEManager(),
        crls=[CRLContainer(crl.CertificateList.load(raw)) for raw in evidence.crls],
        ocsps=[each for raw in evidence.ocsps for each in _containers(raw)],
        assertions=[NonRevokedStatusAssertion(digest, at) for digest in evidence.cleared],
    )
    return ValidationContext(
        trust_roots=[anchor],
        allow_fetching=False,
        revocation_mode="require",
        moment=at,
        time_tolerance=timedelta(0),
        certificate_registry=registry,
        revinfo_manager=manager,
    )

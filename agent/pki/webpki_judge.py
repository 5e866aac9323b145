"""Validate one chain with cryptography's verifier: some fifty times as fast as ``judge.py``.

It holds authorities to the rules of the web's own (CA/Browser Forum, Baseline Requirements §7.1),
which go beyond RFC 5280. So whoever uses it looks first whether their authorities pass
(:func:`misfit`): otherwise it would refuse whole generations of cards. Of holders' certificates it
is stricter in one thing that we know: a serial number below zero or of more than 21 octets (RFC 5280
§4.1.2.2) is refused. It knows no revocation and no OCSP.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from agent.cms.errors import CmsError
from agent.pki.anchors import TrustStore
from agent.pki.chain import ChainCertificate, find_chains, parse_chain_certificate
from agent.pki.result import PathStatus, Verdict

_AUTHORITY = ExtensionPolicy.webpki_defaults_ca()
# A citizen is no web server: there is no host name, and nothing says "client authentication".
_HOLDER = ExtensionPolicy.permit_all().require_present(x509.KeyUsage, Criticality.AGNOSTIC, None)


def judge(chain: Sequence[ChainCertificate], at: datetime) -> Verdict:
    """Validate one chain, leaf first and anchor last, whose dates have been looked at."""
    why = _fault(chain, at, _HOLDER)
    return Verdict(PathStatus.UNTRUSTED, detail=why) if why else Verdict(PathStatus.VALID)


def misfit(store: TrustStore) -> str:
    """Return why the authorities cannot be judged by these rules; nothing where they can.

    Each is judged at its own beginning, by the rules for authorities. One without a path to an
    anchor is left out: nothing is ever judged by it.

    Raises:
        CmsError: an anchor is malformed.

    """
    for facts in store.anchors:
        why = _fault((parse_chain_certificate(facts),), facts.not_before, _AUTHORITY)
        if why:
            return f"{facts.subject}: {why}"
    for facts in filter(lambda each: each.is_ca, store.intermediates):
        try:
            found = find_chains(facts, store, facts.not_before)
        except CmsError:  # malformed, so that no path is built with it
            continue
        for chain in found:
            why = _fault(chain, facts.not_before, _AUTHORITY)
            if why:
                return f"{facts.subject}: {why}"
    return ""


def _fault(chain: Sequence[ChainCertificate], at: datetime, leaf: ExtensionPolicy) -> str:
    """Return what does not hold, for the log: without names, which may be a citizen's."""
    first, *others = (item.certificate for item in chain)
    anchor = others.pop() if others else first
    policy = PolicyBuilder().store(Store([anchor])).time(at)
    policy = policy.extension_policies(ca_policy=_AUTHORITY, ee_policy=leaf)
    try:
        policy.build_client_verifier().verify(first, others)
    except (VerificationError, ValueError) as error:
        return str(error).partition(" (encountered")[0] or type(error).__name__
    return ""

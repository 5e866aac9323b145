"""Authorities whose keys are on curves: their certificates and lists prove as much as others'."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from agent.pki.anchors import TrustStore
from agent.pki.path import by_certvalidator, validate_path
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import StaticSource
from agent.pki.webpki_judge import judge as by_webpki
from tests.signing import any_card
from tests.signing import pki_support as pki

SERIAL = 0x5A01  # of every leaf


@dataclass(frozen=True)
class Generation:
    """A root and an authority beneath it."""

    root: pki.Authority
    issuing: pki.Authority

    @property
    def store(self) -> TrustStore:
        root, issuing = (read_certificate(each.der) for each in (self.root, self.issuing))
        return TrustStore((root,), (issuing,))


@cache
def generation(root: str, issuing: str) -> Generation:
    above = pki.self_signed(any_card.key_of(root))
    return Generation(above, above.authority(pki.MOICA, any_card.key_of(issuing), 2))


async def status(
    made: Generation, leaf: str, lists: Sequence[bytes], *, web: bool = False
) -> PathStatus:
    certificate = made.issuing.issue(pki.citizen_name(), any_card.key_of(leaf))
    facts = read_certificate(certificate.public_bytes(Encoding.DER))
    judge = by_webpki if web else by_certvalidator
    source = StaticSource.of(lists, ())
    return (await validate_path(facts, made.store, source, pki.NOW, judge=judge)).status


@pytest.mark.parametrize("web", [False, True], ids=["by RFC 5280", "by the web's rules"])
@pytest.mark.parametrize("leaf", ["RSA-2048", "P-256"])
@pytest.mark.parametrize(
    ("root", "issuing"), [("P-384", "P-256"), ("RSA-2048", "P-384"), ("P-256", "RSA-2048")]
)
async def test_a_path_through_curves_is_valid_until_a_list_says_otherwise(
    root: str, issuing: str, leaf: str, *, web: bool
) -> None:
    made = generation(root, issuing)
    lists = [made.root.crl(), made.issuing.crl()]
    assert await status(made, leaf, lists, web=web) is PathStatus.VALID
    revoked = [made.root.crl(), made.issuing.crl((SERIAL,))]
    assert await status(made, leaf, revoked, web=web) is PathStatus.REVOKED


async def test_a_list_of_another_key_on_the_same_curve_clears_nobody() -> None:
    made = generation("P-384", "P-256")
    other = pki.Authority(made.issuing.certificate, ec.generate_private_key(ec.SECP256R1()))
    tampered = bytearray(made.issuing.crl())
    tampered[-1] ^= 1
    for wrong in (other.crl(), bytes(tampered)):
        assert await status(made, "P-256", [made.root.crl(), wrong]) is PathStatus.UNKNOWN


async def test_a_certificate_that_another_key_signed_has_no_path() -> None:
    made = generation("P-384", "P-256")
    stranger = pki.Authority(made.issuing.certificate, ec.generate_private_key(ec.SECP256R1()))
    forged = Generation(made.root, stranger)
    lists = [made.root.crl(), made.issuing.crl()]
    assert await status(forged, "P-256", lists) is PathStatus.UNTRUSTED

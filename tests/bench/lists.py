"""What a long revocation list costs whoever verifies signatures by it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

import agent.pki.judge  # noqa: F401  # heavy, and imported at its start by whoever verifies
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts
from agent.pki.path import validate_path
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus
from agent.pki.revocation import FileSource

AT_ONCE = 6  # logins that come while the list is new
LATER = 50
_URL = x509.UniformResourceIdentifier("http://crl.test.invalid/part.crl")
_BEAT = 0.001  # seconds


@dataclass(frozen=True)
class ListCost:
    """What was measured, in seconds.

    Attributes:
        first: until six validations are through that came at once, the list unread.
        later: one more, the median.
        held: how long the event loop was away at most.

    """

    first: float
    later: float
    held: float


def measure_list(folder: Path, entries: int, *, narrowed: bool) -> ListCost:
    """Validate a certificate by a list of so many entries.

    Args:
        folder: where the list is written.
        entries: certificates on it.
        narrowed: whether it is about the certificates of one distribution point only.

    """
    key = rsa.generate_private_key(65537, 2048)
    authority = _certificate("Authority", key, key, is_ca=True)
    leaf = _certificate("Holder", rsa.generate_private_key(65537, 2048), key, is_ca=False)
    file = folder / f"{entries}-{narrowed}.crl"
    file.write_bytes(_list(key, entries, narrowed=narrowed))
    store = TrustStore((_facts(authority),))
    return asyncio.run(_measure(_facts(leaf), store, FileSource([file])))


def authority_and_list(entries: int) -> tuple[bytes, bytes]:
    """Return an authority's certificate and its list of so many entries, both DER."""
    key = rsa.generate_private_key(65537, 2048)
    authority = _certificate("Authority", key, key, is_ca=True)
    return authority.public_bytes(Encoding.DER), _list(key, entries, narrowed=False)


async def _measure(leaf: CertificateFacts, store: TrustStore, source: FileSource) -> ListCost:
    async def validate() -> float:
        begun = time.perf_counter()
        result = await validate_path(leaf, store, source, datetime.now(UTC))
        if result.status is not PathStatus.VALID:
            raise RuntimeError(result.status)
        return time.perf_counter() - begun

    with _watching_the_loop() as held:
        first = max(await asyncio.gather(*(validate() for _ in range(AT_ONCE))))
        later = sorted([await validate() for _ in range(LATER)])[LATER // 2]
    return ListCost(first, later, max(held))


@contextmanager
def _watching_the_loop() -> Iterator[list[float]]:
    """Give the times that a task had to wait beyond what it asked for."""
    held = [0.0]

    async def beat() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(_BEAT)
            held.append(time.perf_counter() - begun - _BEAT)

    beating = asyncio.get_running_loop().create_task(beat())
    try:
        yield held
    finally:
        beating.cancel()


def _facts(certificate: x509.Certificate) -> CertificateFacts:
    return read_certificate(certificate.public_bytes(Encoding.DER))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Bench {common_name}")])


def _certificate(
    name: str, key: rsa.RSAPrivateKey, issuer_key: rsa.RSAPrivateKey, *, is_ca: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    usages = dict.fromkeys(
        (
            *("content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "encipher_only", "decipher_only"),
        ),
        False,
    )
    usage = x509.KeyUsage(
        digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **usages
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("Authority"))
        .public_key(key.public_key())
        .serial_number(12345)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(usage, critical=True)
    )
    if not is_ca:
        point = x509.DistributionPoint([_URL], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _list(key: rsa.RSAPrivateKey, entries: int, *, narrowed: bool) -> bytes:
    now = datetime.now(UTC)
    revoked = [
        x509.RevokedCertificateBuilder()
        .serial_number(10**30 + number)
        .revocation_date(now - timedelta(days=1))
        .build()
        for number in range(entries)
    ]
    builder = x509.CertificateRevocationListBuilder(
        _name("Authority"), now - timedelta(hours=1), now + timedelta(days=1), [], revoked
    )
    if narrowed:
        point = x509.IssuingDistributionPoint(
            [_URL], None, False, False, None, False, False
        )  # as RFC 5280 has it
        builder = builder.add_extension(point, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)

"""PDFs signed by software keys, whose certificates are from the tests' own authorities.

With them a verdict can be reached that is better than "unknown".
"""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from asn1crypto import cms, keys, tsp
from asn1crypto import x509 as asn1_x509
from asn1crypto.crl import CertificateList
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ExtendedKeyUsage
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, append_signature_field
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import PdfSignedData
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from tests.documents.pdf_files import simple_pdf
from tests.signing import pki_support as pki

# The types' numbers are collected where one is named first: perhaps before timestamps had theirs.
cms.ContentType("data")
cms.ContentType._reverse_map.update(
    {name: number for number, name in cms.ContentType._map.items()} if tsp.TSTInfo else {}
)
FIRST: Final = "Signature1"
SECOND: Final = "Signature2"
TEXT: Final = "Contract: pay 100 TWD"
Mould = Callable[[cms.ContentInfo], bytes]
SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Holder:
    """Who signs: a key and a certificate for it, DER."""

    key: SigningKey
    certificate: bytes

    @classmethod
    def of(cls, key: SigningKey, **certificate: Any) -> "Holder":
        """Have a certificate issued; keywords as those of ``Authority.issue``."""
        issued = pki.issuing().issue(pki.citizen_name(), key, **certificate)
        return cls(key, issued.public_bytes(Encoding.DER))

    @property
    def info(self) -> keys.PrivateKeyInfo:
        raw = self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return keys.PrivateKeyInfo.load(raw)

    def signer(self, *, pss: bool = False) -> SimpleSigner:
        certificate = asn1_x509.Certificate.load(self.certificate)
        store = SimpleCertificateStore()
        return SimpleSigner(certificate, self.info, store, prefer_pss=pss)


@cache
def citizen() -> Holder:
    return Holder(pki.citizen_key(), pki.citizen())


@cache
def of_curve(curve: type[ec.EllipticCurve]) -> Holder:
    return Holder.of(ec.generate_private_key(curve()))


def as_it_is(message: cms.ContentInfo) -> bytes:
    return message.dump()


def signed(
    raw: bytes | None = None,
    field: str = FIRST,
    *,
    by: Holder | None = None,
    at: datetime = pki.NOW,
    password: str | None = None,
    subfilter: SigSeedSubFilter = SigSeedSubFilter.PADES,
    hash_name: str = "sha256",
    pss: bool = False,
    mdp: SigMDPSetup | None = None,
    spec: SigFieldSpec | None = None,
    mould: Mould = as_it_is,
) -> bytes:
    """Return a document with one more signature.

    Args:
        raw: the document; None for a new one.
        field: its field's name.
        by: who signs; None for the citizen.
        at: what ``/M`` claims.
        password: of the document.
        subfilter: the kind of signature.
        hash_name: the digest algorithm.
        pss: whether an RSA key signs with PSS.
        mdp: what is allowed afterwards.
        spec: how the field is made; None for an invisible one.
        mould: makes the octets that are written of the CMS.

    """
    writer = IncrementalPdfFileWriter(io.BytesIO(simple_pdf(TEXT) if raw is None else raw))
    if password is not None:
        writer.encrypt(password)
    if spec is not None:
        append_signature_field(writer, spec)
    steps = PdfCMSEmbedder().write_cms(field, writer)
    next(steps)
    placeholder = PdfSignedData(pdf_name("/Sig"), subfilter, at, 16384)
    steps.send(SigObjSetup(placeholder, mdp or SigMDPSetup(md_algorithm=hash_name)))
    prepared, output = steps.send(SigIOSetup(md_algorithm=hash_name))
    is_pades = subfilter is SigSeedSubFilter.PADES
    signer = (by or citizen()).signer(pss=pss)
    message = asyncio.run(
        signer.async_sign(prepared.document_digest, hash_name, use_pades=is_pades)
    )
    steps.send(mould(message))
    result: bytes = output.getvalue()
    return result


@cache
def once() -> bytes:
    """Return a document that the citizen signed."""
    return signed()


@cache
def twice() -> bytes:
    """Return a document that the citizen signed two times."""
    return signed(once(), SECOND)


def later(raw: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    """Return a document with an update of what ``change`` does."""
    writer = IncrementalPdfFileWriter(io.BytesIO(raw))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def with_evidence(raw: bytes) -> bytes:
    """Return a document with certificates and revocation lists (ISO 32000-2 §12.8.4.3)."""
    stream = io.BytesIO(raw)
    DocumentSecurityStore.add_dss(
        stream,
        None,
        certs=[asn1_x509.Certificate.load(each.der) for each in (pki.issuing(), pki.root())],
        crls=[CertificateList.load(each.crl()) for each in (pki.issuing(), pki.root())],
    )
    return stream.getvalue()


@cache
def timestamper() -> DummyTimeStamper:
    """Return an authority for timestamps of that day."""
    usage = ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    holder = Holder.of(pki.rsa_key("timestamps"), serial=0x7777, extra=(usage,), critical=True)
    certificate = asn1_x509.Certificate.load(holder.certificate)
    return DummyTimeStamper(certificate, holder.info, fixed_dt=pki.NOW)


def with_timestamp(raw: bytes) -> bytes:
    """Return a document with a document timestamp (§12.8.5)."""
    writer = IncrementalPdfFileWriter(io.BytesIO(raw))
    stamper = PdfTimeStamper(timestamper(), "Time1")
    stamped: io.BytesIO = asyncio.run(stamper.async_timestamp_pdf(writer, "sha256"))
    return stamped.getvalue()

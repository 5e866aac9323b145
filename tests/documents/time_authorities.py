"""Authorities for timestamps, honest ones and others; every name in them is invented.

They are made of another library than the agent's own reading, so that the two may disagree.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.signing import pki_support as pki

TYPE: Final = "application/timestamp-reply"
STAMPS: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
# By number: the library collects its names where one is used first, perhaps before these.
_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
_OLD_BINDING: Final = "1.2.840.113549.1.9.16.2.12"
_BINDING: Final = "1.2.840.113549.1.9.16.2.47"
_NAME: Final = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "TW"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Test Time Authority"),
    ]
)


@dataclass
class TimeAuthority:
    """An authority that answers questions.

    Attributes:
        key: it signs with.
        certificate: for that key.
        chain: of its certificates, its own left out.
        now: what it takes for the time.
        change_info: what it does to a token's content before it signs it.
        change_answer: what it does to the octets of an answer.
        asked: all questions so far.
        status: that it answers.
        signers: how often it signs a token.
        sends_certificates: whether they come along.
        is_old: whether it names its certificate by SHA-1 (RFC 3161 before RFC 5816).
        names_another: whether it names another one.

    """

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    chain: Sequence[bytes] = ()
    status: str = "granted"
    signers: int = 1
    sends_certificates: bool = True
    is_old: bool = False
    names_another: bool = False
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    change_info: Callable[[dict[str, Any]], None] = lambda _: None
    change_answer: Callable[[bytes], bytes] = lambda raw: raw
    asked: list[bytes] = field(default_factory=list)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def answer(self, raw: bytes) -> bytes:
        """Return the answer to a DER TimeStampReq."""
        self.asked.append(raw)
        question = tsp.TimeStampReq.load(raw, strict=True)
        assert question["cert_req"].native
        info = {
            "version": "v1",
            "policy": "1.2.3.4.1",
            "message_imprint": question["message_imprint"],
            "serial_number": len(self.asked),
            "gen_time": self.now().replace(microsecond=0),
            "nonce": question["nonce"],
        }
        self.change_info(info)
        answer = tsp.TimeStampResp(
            {"status": {"status": self.status}, "time_stamp_token": self._signed(info)}
        )
        return self.change_answer(answer.dump())

    def _signed(self, info: dict[str, Any]) -> cms.ContentInfo:
        content = tsp.TSTInfo(info).dump()
        own = asn1_x509.Certificate.load(self.der)
        hashed = hashlib.sha1 if self.is_old else hashlib.sha256
        named = {"cert_hash": hashed(self.der + b"?" * self.names_another).digest()}
        kind = tsp.SigningCertificate if self.is_old else tsp.SigningCertificateV2
        binding = kind({"certs": [named]})
        attrs = cms.CMSAttributes(
            [
                _attribute("content_type", cms.ContentType(_TST_INFO)),
                _attribute("message_digest", core.OctetString(hashlib.sha256(content).digest())),
                _attribute(_OLD_BINDING if self.is_old else _BINDING, binding),
            ]
        )
        signature = self.key.sign(attrs.dump(), PKCS1v15(), hashes.SHA256())
        algorithm = algos.DigestAlgorithm({"algorithm": "sha256"})
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    "issuer_and_serial_number",
                    cms.IssuerAndSerialNumber(
                        {"issuer": own.issuer, "serial_number": own.serial_number}
                    ),
                ),
                "digest_algorithm": algorithm,
                "signed_attrs": attrs,
                "signature_algorithm": algos.SignedDigestAlgorithm(
                    {"algorithm": "sha256_rsa", "parameters": core.Null()}
                ),
                "signature": signature,
            }
        )
        carried = [own, *map(asn1_x509.Certificate.load, self.chain)]
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algorithm],
                "encap_content_info": {
                    "content_type": _TST_INFO,
                    "content": core.ParsableOctetString(content),
                },
                "certificates": carried if self.sends_certificates else [],
                "signer_infos": [signer] * self.signers,
            }
        )
        return cms.ContentInfo({"content_type": "signed_data", "content": signed})


def _attribute(kind: str, value: core.Asn1Value) -> cms.CMSAttribute:
    return cms.CMSAttribute({"type": kind, "values": [value]})


@cache
def time_root() -> pki.Authority:
    """Return the authority over authorities for timestamps."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Time Root")])
    key = pki.rsa_key("time root")
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - 3650 * pki.DAY)
        .not_valid_after(now + 3650 * pki.DAY)
        .add_extension(pki.key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    return pki.Authority(builder.sign(key, hashes.SHA256()), key)


def authority(
    *,
    root: pki.Authority | None = None,
    usage: x509.ExtendedKeyUsage | None = STAMPS,
    critical: bool = True,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    **more: Any,
) -> TimeAuthority:
    """Make an authority; ``more`` as the fields of :class:`TimeAuthority`."""
    now = datetime.now(UTC)
    issuer = root or time_root()
    key = pki.rsa_key("time")
    builder = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(0x7157)
        .not_valid_before(not_before or now - 30 * pki.DAY)
        .not_valid_after(not_after or now + 365 * pki.DAY)
        .add_extension(pki.key_usage(pki.SIGN), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False
        )
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=critical)
    certificate = builder.sign(issuer.key, hashes.SHA256())
    return TimeAuthority(key, certificate, **{"chain": (issuer.der,), **more})


@dataclass
class Served:
    """A server on this computer, and how it behaves.

    Attributes:
        url: its address.
        reply: what it says to a question: status, media type, octets.
        asked: how often it was.

    """

    url: str = ""
    reply: Callable[[bytes], tuple[int, str, bytes]] = lambda _: (500, TYPE, b"")
    headers: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: int = 0


@contextmanager
def served(reply: Callable[[bytes], tuple[int, str, bytes]] | TimeAuthority) -> Iterator[Served]:
    """Serve an authority, or anything else, on a port of this computer while the context lasts."""
    found = Served()
    found.reply = _honest(reply) if isinstance(reply, TimeAuthority) else reply

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.asked += 1
            self._say(*found.reply(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            content = found.files.get(self.path)
            self._say(404 if content is None else 200, "application/pkix-crl", content or b"")

        def _say(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # whoever asked has gone

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _honest(by: TimeAuthority) -> Callable[[bytes], tuple[int, str, bytes]]:
    return lambda raw: (200, TYPE, by.answer(raw))


def lists(*authorities: pki.Authority, revoked: Sequence[int] = ()) -> list[bytes]:
    """Return a revocation list of today of each."""
    now = datetime.now(UTC)
    dates = {"this_update": now - timedelta(hours=1), "next_update": now + 7 * pki.DAY}
    return [each.crl(revoked, **dates) for each in authorities]

"""A site that verifies: the authority of the vectors, or one of a test's own."""

from datetime import datetime
from typing import Any

from agent.cms.document import Document
from agent.cms.login import LoginPurpose, LoginStatement
from agent.cms.signed import prepare, prepare_login
from agent.pki.anchors import TrustStore
from agent.pki.reading import read_certificate
from agent.pki.revocation import StaticSource
from agent.relying import DocumentVerifier, Login, LoginVerifier, VerificationError
from tests.signing import pki_support as pki

ORIGIN = "https://portal.example"
CHALLENGE = bytes(range(32))
SERIAL = "0000000000000001"


def trust(*intermediates: pki.Authority, anchor: pki.Authority | None = None) -> TrustStore:
    authorities = intermediates or (pki.issuing(),)
    anchors = (read_certificate((anchor or pki.root()).der),)
    return TrustStore(anchors, tuple(read_certificate(each.der) for each in authorities))


def now() -> datetime:
    return pki.NOW


def lists() -> StaticSource:
    return StaticSource.of([pki.root().crl(), pki.issuing().crl()])


def verifier(**changes: Any) -> LoginVerifier:
    settings = {
        "origins": [ORIGIN],
        "trust": trust(),
        "revocation": lists(),
        "clock": lambda: pki.NOW,
    }
    return LoginVerifier(**settings | changes)


def document_verifier(**changes: Any) -> DocumentVerifier:
    settings = {"trust": trust(), "revocation": lists(), "clock": now}
    return DocumentVerifier(**settings | changes)


def token(
    certificate: bytes | None = None,
    *,
    origin: str = ORIGIN,
    challenge: bytes = CHALLENGE,
    purpose: LoginPurpose = LoginPurpose.LOGIN,
) -> bytes:
    statement = LoginStatement.make(purpose, origin, challenge, now())
    prepared = prepare_login(certificate or pki.citizen(), statement)
    return prepared.finish(pki.sign(prepared.digest, prepared.hash))


def document(content: bytes, *, attached: bool = True) -> bytes:
    prepared = prepare(pki.citizen(), Document(content), attached=attached)
    return prepared.finish(pki.sign(prepared.digest, prepared.hash))


async def refused(
    raw: Any, site: LoginVerifier | None = None, challenge: Any = CHALLENGE, **more: Any
) -> VerificationError:
    """Return the refusal of what must be refused."""
    try:
        login: Login = await (site or verifier()).verify(raw, challenge=challenge, **more)
    except VerificationError as error:
        return error
    raise AssertionError(login)

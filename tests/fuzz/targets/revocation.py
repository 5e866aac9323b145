"""Revocation lists and answers of OCSP, which come over plain HTTP."""

from collections.abc import Iterator
from contextlib import suppress

from agent.cms.errors import CmsError
from agent.pki.crl import RevocationList
from agent.pki.ocsp import OcspResponse
from tests.fuzz.examples import issuer, ocsp_answer, revoked

REFUSALS = (CmsError,)
LONGEST = 16_384


def one(data: bytes) -> int:
    with suppress(CmsError):
        return -len(OcspResponse.from_der(data).answers)
    found = RevocationList.from_der(data)
    assert found.this_update.tzinfo is not None
    found.is_signed_by(issuer().ca.certificate)
    return len(found._entries)


def seeds() -> Iterator[tuple[bytes, int]]:
    yield issuer().root_crl(), 0
    yield revoked(), 2
    yield ocsp_answer(), -1

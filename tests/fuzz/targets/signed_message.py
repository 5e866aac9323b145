"""Signed messages and logins (CMS SignedData), with the one form of a login."""

from collections.abc import Iterator
from contextlib import suppress

from agent.cms import login
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.cms.login import LoginPurpose, LoginStatement
from agent.cms.signed import prepare, prepare_login, signature_in, timestamp_in
from agent.cms.verify import DATA, verify
from agent.relying.login_form import require_login_form
from tests.fuzz.examples import CONTENT, MOMENT, certificate, signed_by_card

REFUSALS = (CmsError,)
LONGEST = 8192


def one(data: bytes) -> bytes:
    for read in (require_login_form, signature_in, timestamp_in):
        with suppress(CmsError):
            read(data)
    found = verify(data, content_types=(DATA, login.CONTENT_TYPE), allow_sha1=True)
    if found.content_type == login.CONTENT_TYPE:
        assert LoginStatement.parse(found.content).encode() == found.content
    return found.content


def seeds() -> Iterator[tuple[bytes, bytes]]:
    document = prepare(certificate("SIGN"), Document(data=CONTENT), HashAlgorithm.SHA256)
    yield document.finish(signed_by_card(document.digest)), CONTENT
    said = LoginStatement.make(LoginPurpose.LOGIN, "https://portal.example", bytes(32), MOMENT)
    proof = prepare_login(certificate("SIGN"), said)
    token = proof.finish(signed_by_card(proof.digest))
    require_login_form(token)
    yield token, said.encode()

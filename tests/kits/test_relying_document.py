"""Whoever verifies documents takes no login for one, and no document for want of something."""

from typing import Any

import pytest

from agent.pki.revocation import StaticSource
from agent.relying import SignedDocument, VerificationCode, VerificationError
from tests.kits.relying_support import (
    ORIGIN,
    SERIAL,
    document,
    document_verifier,
    refused,
    token,
    verifier,
)
from tests.signing import pki_support as pki

TEXT = "契約".encode()


async def code_of(raw: Any, **more: Any) -> VerificationCode:
    with pytest.raises(VerificationError) as error:
        await document_verifier().verify(raw, **more)
    return error.value.code


async def test_a_document_says_what_was_signed_and_by_whom() -> None:
    found = await document_verifier().verify(document(TEXT))
    assert isinstance(found, SignedDocument)
    assert (found.content, found.holder.subject_serial) == (TEXT, SERIAL)
    assert found.certificate.der == pki.citizen()
    assert found.hash == "SHA-256"


async def test_a_detached_document_needs_its_content() -> None:
    raw = document(TEXT, attached=False)
    assert (await document_verifier().verify(raw, content=TEXT)).content == TEXT
    assert await code_of(raw) is VerificationCode.SIGNATURE_INVALID
    assert await code_of(raw, content=b"") is VerificationCode.SIGNATURE_INVALID
    assert await code_of(raw, content="契約") is VerificationCode.SIGNATURE_INVALID
    assert await code_of(document(TEXT), content=b"x") is VerificationCode.SIGNATURE_INVALID


async def test_a_login_is_no_document_and_a_document_no_login() -> None:
    assert await code_of(token()) is VerificationCode.WRONG_CONTENT_TYPE
    statement = f'{{"type":"ankong.authenticate.v1","origin":"{ORIGIN}"}}'.encode()
    error = await refused(document(statement), verifier())
    assert error.code is VerificationCode.WRONG_CONTENT_TYPE


@pytest.mark.parametrize("raw", [None, "text", b"", b"\x30\x00"])
async def test_what_is_no_message_is_refused(raw: Any) -> None:
    assert await code_of(raw) is VerificationCode.SIGNATURE_INVALID


async def test_without_lists_no_document_holds() -> None:
    with pytest.raises(VerificationError) as error:
        await document_verifier(revocation=StaticSource.of()).verify(document(TEXT))
    assert error.value.code is VerificationCode.REVOCATION_UNKNOWN
    assert error.value.presented.certificate is not None

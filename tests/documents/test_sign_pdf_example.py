"""The example for servers that keep the PDF: what a page signs by its digest, readers accept."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.consent.consent import AlwaysAllow
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.native import convert, messages, wire
from agent.web.sdk.examples import sign_pdf
from tests.documents import pdf_judges
from tests.documents.pdf_files import simple_pdf

SITE = Origin.parse("https://portal.example")


def asked(digest: bytes, **more: Any) -> messages.SignParams:
    """What a page sends for a digest, read as the agent reads it."""
    params = {
        "hash": "SHA-256",
        "format": "cms-detached",
        "digest": base64.b64encode(digest).decode(),
        "document_name": "contract.pdf",
        **more,
    }
    request = wire.decode(json.dumps({"id": 1, "method": "sign", "params": params}).encode())
    assert isinstance(request, messages.SignRequest)
    return request.params


@pdf_judges.needs_pdfsig
@pdf_judges.needs_qpdf
async def test_a_page_signs_what_the_server_prepared(
    make_card: Callable[..., VirtualCard], generation: str, tmp_path: Path
) -> None:
    pdf = simple_pdf("Contract: pay 100 TWD")
    waiting, prepared = await sign_pdf.prepare(pdf)
    params = asked(prepared.document_digest, signing_time=False)
    provider = VirtualProvider()
    provider.insert(READER_NAME.format(0), make_card(generation))
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        request = convert.sign_request(params)
        result = await service.sign(SITE, request, SecretBytes.from_text("123456"))
    finally:
        await service.close()
    signed = sign_pdf.finish(waiting, prepared, result.signatures[0])
    assert signed.startswith(pdf)
    file = tmp_path / "signed.pdf"
    file.write_bytes(signed)
    (said,) = pdf_judges.pdfsig(file)
    assert said["signature validation"] == "Signature is Valid."
    assert said["signature type"] == "ETSI.CAdES.detached"
    assert not pdf_judges.qpdf_complaints(file)
    ((content, cms),) = pdf_judges.signed_parts(signed)
    assert pdf_judges.openssl_accepts(content, cms, tmp_path)
    assert b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05" not in cms  # signingTime: PAdES has /M instead

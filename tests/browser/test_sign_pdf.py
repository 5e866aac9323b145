"""PDFs that a page has signed, by the SDK in a real browser: small and large, judged by readers."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.test_sdk import connect
from tests.browser.world import PIN, World
from tests.documents import pdf_judges
from tests.documents.pdf_files import next_number, simple_pdf, stream

pytestmark = pytest.mark.browser
LARGE = 5_000_000
SIGN = """async ([encoded, options]) => {
    const octets = Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0));
    const file = new File([octets], "contract.pdf", { type: "application/pdf" });
    const heard = [];
    for (const name of ["document_prepared", "document_signed"]) {
        agent.addEventListener(name, ({ type }) => heard.push(type));
    }
    const { pdf, ...told } = await agent.signPdf(file, options);
    const reader = new FileReader();
    await new Promise((done) => { reader.onload = done; reader.readAsDataURL(pdf); });
    return { ...told, heard, type: pdf.type, pdf: reader.result.split(",")[1] };
}"""


def large_pdf() -> bytes:
    """Return a PDF with a stream of five million octets, which nothing on its page uses."""
    noise = hashlib.shake_256(b"large").digest(LARGE)
    assert next_number() == 6
    return simple_pdf("Contract", more=[stream(noise)])


@pdf_judges.needs_pdfsig
def test_a_reader_finds_what_a_page_had_signed_good(
    page: Page, agent: World, tmp_path: Path
) -> None:
    agent.start_agent(agent.card())
    connect(page, agent)
    options = {"pin": PIN, "reason": "agreed", "level": "B-B"}
    for pdf in (simple_pdf("Contract"), large_pdf()):
        told: dict[str, Any] = page.evaluate(SIGN, [base64.b64encode(pdf).decode(), options])
        signed = base64.b64decode(told["pdf"])
        assert signed.startswith(pdf)
        assert told["heard"] == ["document_prepared", "document_signed"]
        assert (told["type"], told["field"]) == ("application/pdf", "Signature1")
        file = tmp_path / "signed.pdf"
        file.write_bytes(signed)
        (said,) = pdf_judges.pdfsig(file)
        assert said["signature validation"] == "Signature is Valid."
    codes = page.evaluate(
        """async () => {
            const code = (promise) => promise.then(() => "done", ({ code }) => code);
            const file = new Blob([new Uint8Array(10)]);
            return [
                await code(agent.signPdf(file)),
                await code(agent.signPdf(file, { upload: true })),
                await code(agent.signPdf(new Blob([new Uint8Array(64 * 1024 * 1024 + 1)]))),
                await code(agent.signPdf(file, { level: "B-LTA" })),
            ];
        }"""
    )
    assert codes == ["document_damaged", "document_damaged", "too_large", "bad_request"]

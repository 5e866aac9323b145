"""PDFs of pages and cards that are no citizen's: who is asked for the PIN, and the hash."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from agent.cms.digest import HashAlgorithm
from agent.cms.verify import verify
from agent.virtualcard.card import VirtualCard
from agent.web.native import page_signing
from tests.card.piv_wire import piv_card
from tests.documents import pdf_judges
from tests.web.conftest import AgentFactory
from tests.web.page_signing_rig import PDF, SharedWorker, b64, code, signing_rig

PIN, OTHER_PIN = "123456", "654321"


class SameCard:
    """Makes the card that the test has already."""

    def __init__(self, kind: str) -> None:
        self.card = piv_card(kind)

    def __call__(self, *_: Any, **__: Any) -> VirtualCard:
        return self.card


def thumbprint(card: VirtualCard) -> str:
    (own,) = (each.certificate for each in card.data.slots if each.reference == 0x9C)
    return hashlib.sha256(own).hexdigest()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Any:
    shared = SharedWorker()
    monkeypatch.setattr(page_signing, "PdfWorker", lambda: shared)
    yield shared
    shared.end()


@pytest.mark.usefixtures("worker")
async def test_a_page_s_pin_goes_to_a_card_that_it_names_and_else_a_window_asks(
    start_agent: AgentFactory, tmp_path: Path
) -> None:
    """The certificate that a PDF is prepared for is found here: that is no word of the page's."""
    make = SameCard("p256")
    async with signing_rig(start_agent, make, tmp_path, PIN) as rig:
        status, told = await rig.sign(data=b64(PDF), pin=OTHER_PIN)
        assert status == 200, told
        assert [str(each.card.generation) for each in rig.person.asked] == ["piv"]
        assert code(await rig.sign(data=b64(PDF), pin=OTHER_PIN)) == "user_cancelled"
        assert (make.card.tally.verifies, make.card.tally.wrong_pins) == (1, 0)
        named = thumbprint(make.card)
        status, told = await rig.sign(data=b64(PDF), pin=PIN, certificate=named)
        assert status == 200, told
        assert (len(rig.person.asked), make.card.tally.verifies) == (2, 2)


@pdf_judges.needs_pdfsig
@pytest.mark.usefixtures("worker")
async def test_a_key_on_the_middle_curve_signs_a_pdf_and_what_is_beside_it_with_sha_256(
    start_agent: AgentFactory, tmp_path: Path
) -> None:
    """One request has one hash, the PDF's, which is what its page has asked for."""
    items = [{"data": b64(PDF), "format": "pades"}, {"data": b64(b"it")}]
    async with signing_rig(start_agent, SameCard("p384"), tmp_path, PIN) as rig:
        status, told = await rig.sign(items=items, format="cms")
        assert status == 200, told
        (asked,) = rig.person.asked
    result = told["result"]
    assert result["algorithm"] == "ecdsa-with-SHA256"
    message = base64.b64decode(result["items"][1]["signature"])
    assert verify(message).hash is HashAlgorithm.SHA256
    signed = tmp_path / "signed.pdf"
    signed.write_bytes(base64.b64decode(result["items"][0]["pdf"]))
    (said,) = pdf_judges.pdfsig(signed)
    assert said["signing hash algorithm"].replace("-", "").lower() == "sha256"
    assert asked.purpose.hash is HashAlgorithm.SHA256
    digests = [each.digest for each in asked.purpose.documents]
    assert digests == [hashlib.sha256(each).digest() for each in (PDF, b"it")]

"""The mark on a page's PDF: the page places it, the agent words it, in the citizen's language."""

import base64
from pathlib import Path

from agent.words import Language, say
from tests.conftest import CardFactory
from tests.documents import pdf_judges
from tests.web.conftest import AgentFactory
from tests.web.page_signing_rig import PDF, b64, signing_rig


@pdf_judges.needs_pdfsig
async def test_a_mark_speaks_the_language_that_the_citizen_chose(
    start_agent: AgentFactory, make_card: CardFactory, tmp_path: Path
) -> None:
    chosen = [Language.VIETNAMESE]
    pins = ("123456", "123456")
    language = {"language": lambda: str(chosen[-1])}
    async with signing_rig(start_agent, make_card, tmp_path, *pins, **language) as rig:
        for now in (Language.VIETNAMESE, Language.INDONESIAN):
            chosen.append(now)
            status, told = await rig.sign(data=b64(PDF), pades={"mark": {"page": 2}})
            assert status == 200, told
            file = tmp_path / f"{now}.pdf"
            file.write_bytes(base64.b64decode(told["result"]["pdf"]))
            words = say(now, "mark.note", {})
            assert "".join(words.split()) in "".join(pdf_judges.pdftotext(file).split())

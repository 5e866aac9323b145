"""A document for archives (PDF/A-1b) stays one, whether its signature is seen or not.

The judge is PDFBox's preflight.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from agent.pdf.prepare import prepare
from agent.pdf.wire import Mark, MarkPlace, PreparePdf
from tests.documents.pdf_files import assembled, stream

pytestmark = [pytest.mark.kit, pytest.mark.timeout(300)]
JARS: Final = [
    Path("/usr/share/java", f"{name}.jar")
    for name in ("pdfbox2", "preflight", "xmpbox", "fontbox2", "commons-logging", "jaxb-api")
] + [Path("/usr/share/java/javax.activation.jar")]
JUDGE: Final = Path(__file__).with_name("PdfaJudge.java")
LINES: Final = ("王測試", "以自然人憑證簽署", "2026-11-27 14:05:33 +08:00", "圖章僅供參考")
_XMP: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def archived() -> bytes:
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/Metadata 4 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>/Contents 5 0 R>>",
        stream(_XMP.encode(), b"/Type/Metadata/Subtype/XML").replace(b">>stream", b">>\nstream"),
        stream(b"").replace(b">>stream", b">>\nstream"),
    ]
    return assembled(objects, b"/ID[<00><00>]", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")


def judged(*files: Path) -> list[str]:
    words = ["java", "-cp", ":".join(map(str, JARS)), str(JUDGE), *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.skipif(
    shutil.which("java") is None or not all(map(Path.exists, JARS)),
    reason="libpdfbox2-java is missing",
)
def test_it_stays_fit_for_archives(tmp_path: Path) -> None:
    before, spoilt = tmp_path / "before.pdf", tmp_path / "spoilt.pdf"
    before.write_bytes(archived())
    spoilt.write_bytes(archived().replace(b"<pdfaid:part>1", b"<pdfaid:part>9"))
    marks = {"seen.pdf": Mark(MarkPlace(), LINES), "unseen.pdf": None}
    for name, mark in marks.items():
        prepare(PreparePdf(str(before), out=str(tmp_path / name), mark=mark))
    assert judged(before, *(tmp_path / name for name in marks)) == ["true"] * 3
    assert judged(spoilt)[0] == "false"

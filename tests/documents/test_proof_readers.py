"""Another reader of PDFs, by other people in another language, finds every level good."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from agent.documents.levels import SignatureLevel
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer
from tests.card.piv_wire import piv_card
from tests.documents.command_support import Person
from tests.documents.pdf_files import simple_pdf
from tests.documents.proof_world import world_of, write_settings

JARS: Final = [f"/usr/share/java/{name}.jar" for name in ("itext5", "bcprov", "bcpkix", "bcutil")]
JUDGE: Final = Path(__file__).with_name("PdfJudge.java")


pytestmark = [
    pytest.mark.kit,
    pytest.mark.skipif(
        shutil.which("java") is None or not all(map(Path.exists, map(Path, JARS))),
        reason="default-jdk-headless, libitext5-java or libbcpkix-java is missing",
    ),
]
FIRST: Final = "Signature1\tintact=true\tdocument_timestamp=false\ttimestamp="


def judged(folder: Path, files: list[str]) -> list[str]:
    """Return what the reader in Java says of files, by lines."""
    words = ["java", "-cp", ":".join(JARS), str(JUDGE), *files]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_every_level_is_good_to_a_reader_in_java(
    tmp_path: Path,
    test_issuer: TestIssuer,
    make_gen2_card: Callable[..., VirtualCard],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    person = Person(folder, monkeypatch, capsys)
    person.has(make_gen2_card())
    with world_of(tmp_path, test_issuer) as world:
        write_settings(world, person.state)
        for level in SignatureLevel:
            (folder / f"{level}.pdf").write_bytes(simple_pdf("Contract"))
            assert person.sign(f"{level}.pdf", "--level", level).status == 0
    files = [f"{level}-signed.pdf" for level in SignatureLevel]
    stamp = "Timestamp1\tintact=true\tdocument_timestamp=true\ttimestamp=none"
    store = "DSS\tcertificates=5\tlists=3"
    assert judged(folder, files) == [
        f"{files[0]}\t{FIRST}none\trevision=1/1",
        f"{files[1]}\t{FIRST}true\trevision=1/1",
        f"{files[2]}\t{FIRST}true\trevision=1/2",
        f"{files[2]}\t{store}",
        f"{files[3]}\t{FIRST}true\trevision=1/2",
        f"{files[3]}\t{stamp}\trevision=2/2",
        f"{files[3]}\t{store}",
    ]


def test_what_any_card_signed_is_good_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    person = Person(folder, monkeypatch, capsys)
    kinds = ["p256", "p384", "rsa2048", "rsa3072"]
    for kind in kinds:
        person.cards.clear()
        person.has(piv_card(kind))
        (folder / f"{kind}.pdf").write_bytes(simple_pdf("Contract"))
        assert person.sign(f"{kind}.pdf", "--mark", "last").status == 0
    files = [f"{kind}-signed.pdf" for kind in kinds]
    assert judged(folder, files) == [f"{each}\t{FIRST}none\trevision=1/1" for each in files]
    broken = (folder / files[0]).read_bytes().replace(b"Contract", b"Kontrakt")
    (folder / "broken.pdf").write_bytes(broken)
    with pytest.raises(subprocess.CalledProcessError):
        judged(folder, ["broken.pdf"])

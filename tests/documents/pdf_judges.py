"""Independent judges of signed PDFs: poppler with NSS, OpenSSL over the signed octets, qpdf."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

needs_pdfsig = pytest.mark.skipif(shutil.which("pdfsig") is None, reason="poppler-utils is missing")
needs_qpdf = pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is missing")
_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")


def pdfsig(file: Path, *, password: str | None = None) -> list[dict[str, str]]:
    """Return what poppler says of each signature, by its own words in lower case."""
    words = ["pdfsig", "-nocert", *(("-upw", password) if password else ()), str(file)]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    found: list[dict[str, str]] = []
    for line in said.splitlines():
        if line.startswith("Signature #"):
            found.append({})
        elif found:
            name, _, value = line.strip(" -\t").partition(": ")
            found[-1][name.lower()] = value
    return found


def signed_parts(pdf: bytes) -> list[tuple[bytes, bytes]]:
    """Return the signed octets of each signature, and its CMS without the padding."""
    found = []
    for each in _RANGE.finditer(pdf):
        first, length, second, rest = map(int, each.groups())
        hole = pdf[first + length : second]
        cms = bytes.fromhex(hole.strip(b"<>").decode())
        end = 4 + int.from_bytes(cms[2:4], "big")
        found.append((pdf[first : first + length] + pdf[second : second + rest], cms[:end]))
    return found


def openssl_accepts(content: bytes, cms: bytes, folder: Path, anchors: Path | None = None) -> bool:
    """Return whether OpenSSL verifies a detached CMS; without anchors of the message alone."""
    (folder / "content").write_bytes(content)
    (folder / "signature.p7s").write_bytes(cms)
    words = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any"]
    words += ["-in", str(folder / "signature.p7s"), "-content", str(folder / "content")]
    words += ["-out", str(folder / "out")]
    words += ["-cades", "-CAfile", str(anchors)] if anchors else ["-noverify"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def qpdf_complaints(file: Path) -> str:
    """Return what qpdf finds wrong with a file's structure; "" where it is sound."""
    done = subprocess.run(
        ["qpdf", "--check", str(file)], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def pdftotext(file: Path) -> str:
    """Return the text that poppler finds in a document, as its readers copy it."""
    found = subprocess.run(["pdftotext", file, "-"], check=True, capture_output=True, text=True)
    return found.stdout

"""Take pdf.js, which draws PDFs in the panel, out of its npm package and into the checkout.

``PYTHONPATH=installer python3 -m devkit.pdfjs`` when another version is wanted: what is shipped is
in the checkout, and nothing is fetched when a page is shown. The package is known by its hash.

Two scripts are taken, for browsers of the last years, and the character maps of traditional Chinese
documents that embed no fonts. What runs a document's scripts stays behind, and so do stand-ins for
fonts, which every system has, and what decodes images and colours in WebAssembly.
"""

import hashlib
import re
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from devkit import node, venv
from devkit.shell import ROOT, SetupError, run, say

PACKAGE: Final = "pdfjs-dist@5.6.205"
SHA256: Final = "e196561c11faacf04e224e177b5d792619136cec5bd2274d8c743e577239ebc7"
"""Of the package's archive."""
PLACE: Final = ROOT / "agent" / "web" / "panel" / "static" / "vendor" / "pdfjs"
_WANTED: Final = {
    "package/LICENSE": "LICENSE",
    "package/cmaps/LICENSE": "LICENSE-cmaps",
    "package/legacy/build/pdf.min.mjs": "pdf.min.mjs",
    "package/legacy/build/pdf.worker.min.mjs": "pdf.worker.min.mjs",
}
# Adobe's CNS 1 collection, and Big5 with its extensions; not the sets of single vendors.
_CMAP: Final = re.compile(
    r"package/cmaps/((?:Adobe-CNS1|UniCNS|CNS|B5|ETen|ETHK|HKscs)[\w-]*\.bcmap)"
)


def main() -> int:
    """Fetch the package, check it, and write its files anew; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        say(f"fetching {PACKAGE}")
        command: list[str | Path] = [node.npm(), "pack", PACKAGE, "--silent"]
        if run(command, env=venv.environment(), folder=Path(folder), quiet=True) != 0:
            return 1
        (archive,) = Path(folder).glob("*.tgz")
        take(archive)
    return 0


def take(archive: Path) -> None:
    """Write the files of a package that is on disk.

    Raises:
        SetupError: it is another package.
        OSError: it cannot be read, or the files not written.

    """
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        raise SetupError(f"{archive.name} is not the package that was looked at")
    with tarfile.open(archive) as package:
        for member in package:
            name = _name_here(member.name)
            content = package.extractfile(member) if name else None
            if content is not None:
                target = PLACE / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())


def _name_here(name: str) -> str:
    """Return where in our folder a file of the package goes; "" for one that we do not take."""
    found = _CMAP.fullmatch(name)
    return f"cmaps/{found[1]}" if found else _WANTED.get(name, "")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"devkit.pdfjs: {error}")

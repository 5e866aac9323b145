"""Build the packages for sites and their testers, and print them with their hashes.

Two builds of one checkout give the same bytes: hatchling and npm write a fixed time into what they
pack, and so do we.
"""

import gzip
import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from devkit import node, venv
from devkit.agreement import version_of
from devkit.proofs import sha256_of
from devkit.shell import ROOT, SetupError, run, say

OUT = ROOT / "dist" / "kits"
SUMS = "SHA256SUMS"
WHEELS = (ROOT, ROOT / "agent" / "relying")
NPM = (node.SDK, ROOT / "agent" / "kits" / "node")
LANGUAGES = ("php", "java", "go")
VECTORS = ROOT / "agent" / "kits" / "vectors"
_TIME = 1577836800  # 2020-01-01, as hatchling has it


def build() -> int:
    """Build every package into :data:`OUT`, with its sums; return the exit status.

    Raises:
        SetupError: one could not be built; the output of its builder was printed.

    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        for source in WHEELS:
            _build_wheel(source, made)
        for source in NPM:
            _build_npm(source, made)
        for language in LANGUAGES:
            _build_archive(language, made)
        files = sorted(made.iterdir())
        sums = "".join(f"{sha256_of(path)}  {path.name}\n" for path in files)
        (made / SUMS).write_text(sums, "utf-8")
        shutil.rmtree(OUT, ignore_errors=True)
        shutil.copytree(made, OUT)
    for path in files:
        print(f"  {path.stat().st_size:>9,}  {path.name}", flush=True)
    say(f"{len(files)} packages and {SUMS} are in {OUT.relative_to(ROOT)}")
    return 0


def _build_wheel(source: Path, out: Path) -> None:
    words: list[str | Path] = [venv.PYTHON, "-m", "hatchling", "build", "-t", "wheel", "-d", out]
    if run(words, env=venv.environment(), folder=source, quiet=True) != 0:
        raise SetupError(f"the wheel of {source.relative_to(ROOT)} could not be built (see above)")


def _build_npm(source: Path, out: Path) -> None:
    words: list[str | Path] = [node.npm(), "pack", "--silent", "--pack-destination", out]
    if run(words, env=venv.environment(), folder=source, quiet=True) != 0:
        raise SetupError(f"npm could not pack {source.relative_to(ROOT)} (see above)")


def _build_archive(language: str, out: Path) -> None:
    """Pack one language's verifier, its README and example, and the test vectors."""
    name = f"ankong-verify-{language}-{version_of(ROOT)}"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, place in _archive_files(language):
            member = tarfile.TarInfo(f"{name}/{place}")
            member.size, member.mtime, member.mode = path.stat().st_size, _TIME, 0o644
            with path.open("rb") as file:
                archive.addfile(member, file)
    packed = gzip.compress(raw.getvalue(), mtime=_TIME)
    (out / f"{name}.tar.gz").write_bytes(packed)


def _archive_files(language: str) -> Iterator[tuple[Path, str]]:
    source = ROOT / "agent" / "kits" / language
    for path in sorted(source.rglob("*")):
        if path.is_file():
            yield path, path.relative_to(source).as_posix()
    for path in sorted(VECTORS.iterdir()):
        if path.is_file() and path.suffix not in {".py", ".p8"}:
            yield path, f"vectors/{path.name}"
    yield ROOT / "LICENSE", "LICENSE"

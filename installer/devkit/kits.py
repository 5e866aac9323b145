"""Build the packages for sites and their testers, and print them with their hashes.

Two builds of one checkout give the same bytes: hatchling and npm write a fixed time into what they
pack, and so do we.
"""

import gzip
import io
import os
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
LANGUAGES = ("php", "java", "go")
VECTORS = ROOT / "agent" / "kits" / "vectors"
_TIME = 1577836800  # 2020-01-01, as hatchling has it


def build(out: Path = OUT) -> int:
    """Build every package into a folder, with its sums; return the exit status.

    Args:
        out: the folder; what was in it is removed.

    Raises:
        SetupError: one could not be built; the output of its builder was printed.

    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        _build_npm(node.SDK, made)  # first: its types go into the agent's wheel, too
        _build_npm_verifier(made)
        for source in WHEELS:
            _build_wheel(source, made)
        for language in LANGUAGES:
            _build_archive(language, made)
        files = sorted(made.iterdir())
        sums = "".join(f"{sha256_of(path)}  {path.name}\n" for path in files)
        (made / SUMS).write_text(sums, "utf-8")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(made, out)
    for path in sorted(each for each in out.iterdir() if each.name != SUMS):
        print(f"  {path.stat().st_size:>9,}  {path.name}", flush=True)
    say(f"{len(files)} packages and {SUMS} are in {out}")
    return 0


def _build_wheel(source: Path, out: Path) -> None:
    words: list[str | Path] = [venv.PYTHON, "-m", "hatchling", "build", "-t", "wheel", "-d", out]
    if run(words, env=venv.environment(), folder=source, quiet=True) != 0:
        raise SetupError(f"the wheel of {source.relative_to(ROOT)} could not be built (see above)")


def _build_npm(source: Path, out: Path) -> None:
    """Pack one package, whose types the compiler of the SDK's locked packages writes before."""
    env = venv.environment()
    env["PATH"] = os.pathsep.join((str(node.SDK / "node_modules" / ".bin"), env["PATH"]))
    words: list[str | Path] = [node.npm(), "pack", "--silent", "--ignore-scripts=false"]
    if run([*words, "--pack-destination", out], env=env, folder=source, quiet=True) != 0:
        raise SetupError(f"npm could not pack {source} (see above)")


def _build_npm_verifier(out: Path) -> None:
    """Pack the verifier for Node.js with the test vectors, which npm takes from its folder only."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "node")
        shutil.copytree(ROOT / "agent" / "kits" / "node", source)
        (source / "vectors").mkdir()
        for path in _vectors():
            shutil.copyfile(path, source / "vectors" / path.name)
        _build_npm(source, out)


def _vectors() -> list[Path]:
    files = sorted(path for path in VECTORS.iterdir() if path.is_file())
    return [path for path in files if path.suffix not in {".py", ".p8"}]


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
    for path in _vectors():
        yield path, f"vectors/{path.name}"
    if not (source / "LICENSE").exists():
        yield ROOT / "LICENSE", "LICENSE"

"""Build the packages for sites and their testers, and print them with their hashes.

Two builds of one checkout give the same bytes: hatchling and npm write a fixed time into what they
pack, and so do we.
"""

import gzip
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from devkit import node, venv
from devkit.agreement import version_of
from devkit.packed_links import mended
from devkit.proofs import sha256_of
from devkit.shell import ROOT, SetupError, run, say

OUT = ROOT / "dist" / "kits"
SUMS = "SHA256SUMS"
WHEELS = (ROOT, ROOT / "agent" / "relying")
LANGUAGES = ("php", "java", "go")
KITS = ROOT / "agent" / "kits"
VECTORS = KITS / "vectors"
_PAGE_KIT = "agent/web/sdk"
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
        _build_npm_sdk(made)  # first: its types go into the agent's wheel, too
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


def _build_npm_sdk(out: Path) -> None:
    """Pack the page kit from a copy, whose documents lead nowhere that is not in the package."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "sdk")
        shutil.copytree(node.SDK, source, ignore=shutil.ignore_patterns("node_modules"))
        (source / "node_modules").symlink_to(node.SDK / "node_modules")
        _mend(source, _homes(source, _PAGE_KIT))
        _build_npm(source, out)
        shutil.copytree(source / "types", node.SDK / "types", dirs_exist_ok=True)


def _build_npm_verifier(out: Path) -> None:
    """Pack the verifier for Node.js with what lies outside its folder, which npm does not take."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "node")
        shutil.copytree(KITS / "node", source)
        homes = _homes(source, "agent/kits/node")
        for path, place in _common():
            homes[path.relative_to(ROOT).as_posix()] = place
            (source / place).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, source / place)
        _mend(source, homes)
        _build_npm(source, out)


def _homes(folder: Path, home: str) -> dict[str, str]:
    """Return where npm packs each file of a folder, by where in the checkout it lies."""
    named = json.loads((folder / "package.json").read_text("utf-8"))["files"]
    patterns = [*named, *(f"{each}/**/*" for each in named), "README*", "LICENSE", "package.json"]
    packed = {path for each in patterns for path in folder.glob(each) if path.is_file()}
    places = sorted(path.relative_to(folder).as_posix() for path in packed)
    return {f"{home}/{place}": place for place in places}


def _mend(folder: Path, homes: Mapping[str, str]) -> None:
    for home, place in homes.items():
        if place.endswith(".md"):
            path = folder / place
            path.write_text(mended(path.read_text("utf-8"), home, homes), "utf-8")


def _common() -> Iterator[tuple[Path, str]]:
    """Return what every language's package has: vectors, codes, and the way from the old one."""
    for path in sorted(VECTORS.iterdir()):
        if path.is_file() and path.suffix not in {".py", ".p8"}:
            yield path, f"vectors/{path.name}"
    for path in sorted((KITS / "errors").glob("*.md")):
        yield path, f"errors/{path.name}"
    for path in sorted(KITS.glob("ADOPTING*.md")):
        yield path, path.name


def _build_archive(language: str, out: Path) -> None:
    """Pack one language's verifier, its README and example, and what all of them have."""
    name = f"ankong-verify-{language}-{version_of(ROOT)}"
    files = list(_archive_files(language))
    homes = {path.relative_to(ROOT).as_posix(): place for path, place in files}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for home, place in homes.items():
            content = (ROOT / home).read_bytes()
            if place.endswith(".md"):
                content = mended(content.decode(), home, homes).encode()
            member = tarfile.TarInfo(f"{name}/{place}")
            member.size, member.mtime, member.mode = len(content), _TIME, 0o644
            archive.addfile(member, io.BytesIO(content))
    packed = gzip.compress(raw.getvalue(), mtime=_TIME)
    (out / f"{name}.tar.gz").write_bytes(packed)


def _archive_files(language: str) -> Iterator[tuple[Path, str]]:
    source = KITS / language
    for path in sorted(source.rglob("*")):
        if path.is_file():
            yield path, path.relative_to(source).as_posix()
    yield from _common()
    if not (source / "LICENSE").exists():
        yield ROOT / "LICENSE", "LICENSE"

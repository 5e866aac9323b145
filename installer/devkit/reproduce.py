"""Prove that the same sources give the same installers: build twice, and compare every byte.

The two builds begin with clones of what was committed last, in folders of different lengths, under
another umask, time zone, language and order of sets. What they have in common is this machine: its
Debian packages, its Python, and the lock files' wheels.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devkit import system
from devkit.differing import differing_files, differing_members, shortened
from devkit.proofs import sha256_of
from devkit.shell import ROOT, SetupError, output, run, say

PLACE: Final = ROOT / "build" / "reproduce"
OUT: Final = Path("dist", "installers")
SYSTEMS: Final = ("windows", "linux")
_LOCALE: Final = "tr_TR"
"""Whose small i is another letter than elsewhere, and whose order of names is no computer's."""
_LEFT_OUT: Final = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANGUAGE", "ANKONG_SIGN")
"""Of the environment: what leads out of the clone, and signatures, which have the hour in them."""
_MADE_OF: Final = {
    ".exe": ("build/windows/ankong", "build/windows/pictures", "build/windows/texts"),
    ".msi": ("build/windows/ankong",),
}
"""The folders of a build that such a file was made of, where nothing here can open the file."""


@dataclass(frozen=True)
class Surroundings:
    """How one of the builds is made.

    Attributes:
        folder: of the clone.
        umask: while it is cloned and built.
        variables: of its environment.

    """

    folder: Path
    umask: int
    variables: Mapping[str, str]


def surroundings() -> tuple[Surroundings, Surroundings]:
    """Return those of the two builds, which have nothing in common that a build could notice."""
    longer = PLACE / "second" / "in-a-folder-whose-path-is-much-longer-than-the-path-of-the-first"
    other = f"{_LOCALE}.UTF-8"
    return (
        Surroundings(
            PLACE / "first",
            0o022,
            {"TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"},
        ),
        Surroundings(
            longer / "ankong",
            0o077,
            {
                "TZ": "Asia/Kathmandu",  # 5:45 ahead
                "LANG": other,
                "LC_ALL": other,
                "LOCPATH": str(PLACE / "locale"),
                "PYTHONHASHSEED": "4294967295",
            },
        ),
    )


def reproduce(systems: Sequence[str]) -> int:
    """Build twice for ``systems``, compare all that was made, and print it; return the status.

    Raises:
        SetupError: this is no clone on Linux, or a build failed.

    """
    commit = (output(["git", "rev-parse", "HEAD"]) or "").strip()
    if not sys.platform.startswith("linux") or not commit:
        raise SetupError("this is proven in a clone made with git, on Linux")
    if (output(["git", "status", "--porcelain"]) or "").strip():
        say("what is not committed is not part of this proof")
    system.ensure((*system.BUILD, *system.WINDOWS, *system.LINUX_INSTALLERS, *system.WINE_BUILD))
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    _make_locale()
    pair = surroundings()
    for each in pair:
        _build(each, commit, systems)
    rows = compare(pair[0].folder, pair[1].folder)
    is_same = show(rows)
    if is_same:
        for each in pair:
            _forget_all_but_results(each.folder)
    else:
        say(f"both builds are kept in {PLACE}")
    return 0 if is_same else 1


def _make_locale() -> None:
    target = PLACE / "locale" / f"{_LOCALE}.UTF-8"
    target.parent.mkdir()
    run(["localedef", "-i", _LOCALE, "-f", "UTF-8", target], quiet=True)
    if not target.exists():
        raise SetupError("another language is needed for this: apt-get install locales")


def _build(how: Surroundings, commit: str, systems: Sequence[str]) -> None:
    say(f"building {commit[:8]} in {how.folder}")
    begun = time.monotonic()
    env = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    env.update(how.variables)
    only = [word for each in systems for word in ("--only", each)]
    dev = how.folder / "installer" / "dev.py"
    for command in (
        ["git", "clone", "--quiet", "--no-checkout", ROOT, how.folder],
        # Whoever commits meanwhile must not change what the second build is of.
        ["git", "-C", how.folder, "checkout", "--quiet", "--detach", commit],
        [sys.executable, dev, "installers", *only],
    ):
        done = subprocess.run(
            [str(word) for word in command],
            check=False,
            cwd=PLACE,
            env=env,
            umask=how.umask,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise SetupError(f"the build in {how.folder} failed (see above)")
    say(f"built in {time.monotonic() - begun:.0f} s")


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Attributes:
        name: of the file.
        size: of the first build's, in bytes; 0 where it has none.
        hashes: SHA-256 of the first and of the second, in hex; "" where it is missing.
        differences: a line each; none where both are the same.

    """

    name: str
    size: int
    hashes: tuple[str, str]
    differences: Sequence[str]


def compare(first: Path, second: Path) -> list[Row]:
    """Compare every file in the two checkouts' ``dist/installers``, whatever made it.

    Raises:
        SetupError: there is none.

    """
    there = [path.name for each in (first, second) for path in (each / OUT).glob("*")]
    if not there:
        raise SetupError("neither build made a file")
    return [_row(first, second, name) for name in sorted(set(there))]


def _row(first: Path, second: Path, name: str) -> Row:
    files = first / OUT / name, second / OUT / name
    hashes = tuple(sha256_of(file) if file.is_file() else "" for file in files)
    size = files[0].stat().st_size if hashes[0] else 0
    if hashes[0] == hashes[1]:
        lines = []
    elif not all(hashes):
        lines = [f"in the {'first' if hashes[0] else 'second'} build alone"]
    else:
        lines = differing_members(*files)
        for folder in _MADE_OF.get(files[0].suffix, ()):
            inside = differing_files(first / folder, second / folder)
            lines += [f"{folder}/{line}" for line in inside]
    return Row(name, size, (hashes[0], hashes[1]), lines)


def show(rows: Sequence[Row]) -> bool:
    """Print a table; return whether all files are the same."""
    width = max(len(row.name) for row in rows)
    print(f"{'file':{width}}  {'bytes':>10}  {'SHA-256 of the first':64}  second", flush=True)
    for row in rows:
        verdict = "the same" if row.hashes[0] == row.hashes[1] else row.hashes[1] or "missing"
        first = row.hashes[0] or "missing"
        print(f"{row.name:{width}}  {row.size:10}  {first:64}  {verdict}", flush=True)
        for line in shortened(list(row.differences)):
            print(f"    {line}", flush=True)
    differing = [row.name for row in rows if row.hashes[0] != row.hashes[1]]
    say(f"not reproducible: {', '.join(differing)}" if differing else "reproducible")
    return not differing


def _forget_all_but_results(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != OUT.parts[0]:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

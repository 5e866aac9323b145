"""How many files a change touches, found by really making it in a copy of the checkout."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

SECONDS: Final = 300.0  # for all the tests of one change
_LEFT_BEHIND: Final = ("__pycache__", ".pytest_cache", ".hypothesis", ".ruff_cache")


@dataclass(frozen=True, slots=True)
class Edit:
    """A new file, or text that is put in front of a place of an existing one.

    Attributes:
        path: from the root of the checkout.
        text: what is written; put in front of a copy where ``source`` names a file.
        before: what stands behind it, exactly once in the file; None makes a new file.
        source: the file that a new one begins as a copy of; None for an empty one.
        instead: what stands exactly once in the copy, and what takes its place there.

    """

    path: str
    text: str = ""
    before: str | None = None
    source: str | None = None
    instead: tuple[str, str] = ("", "")

    def apply(self, root: Path) -> None:
        """Write it.

        Raises:
            LookupError: the place is not there exactly once: the recipe is out of date.
            FileExistsError: the new file is there already.

        """
        if self.before is not None:
            file = root / self.path
            content = _replaced(file, self.before, self.text + self.before)
            file.write_text(content, "utf-8")
            return
        begun = "" if self.source is None else _replaced(root / self.source, *self.instead)
        with (root / self.path).open("x", encoding="utf-8") as new:
            new.write(self.text + begun)


def _replaced(file: Path, old: str, new: str) -> str:
    content = file.read_text("utf-8")
    if content.count(old) != 1:
        raise LookupError(f"{file.name} has not exactly one {old!r}")
    return content.replace(old, new)


@dataclass(frozen=True, slots=True)
class Change:
    """A change that somebody makes to the product every now and then.

    Attributes:
        name: what is added, with its article.
        edits: what a person writes, tests included.
        proof: a test file that must pass then, and would not before.
        generate: modules that write generated files anew.
        tests: the tests that a person who made this change would run.

    """

    name: str
    edits: tuple[Edit, ...]
    proof: str
    generate: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    def measure(self, root: Path, *, prove: bool) -> dict[str, float]:
        """Make the change in a copy, and count the files that are new or changed.

        Args:
            root: of the checkout; only read.
            prove: whether the proof and the tests are run in the copy too.

        Raises:
            LookupError: the recipe is out of date.
            AssertionError: the proof or a test failed; holds what it said.
            subprocess.SubprocessError: the files could not be generated.

        """
        with copied(root) as copy:
            before = _contents(copy)
            for edit in self.edits:
                edit.apply(copy)
            written = _changed(before, copy)
            for module in self.generate:
                _python(copy, "-m", module)
            changed = _changed(before, copy)
            if prove:
                self._prove(copy)
        tests = {path for path in written if path.startswith("tests/")}
        return {
            f"files to add {self.name}": len(written - tests),
            f"tests to add {self.name}": len(tests),
            f"generated files to add {self.name}": len(changed - written),
        }

    def _prove(self, copy: Path) -> None:
        (copy / "tests" / "test_proof.py").write_text(self.proof, "utf-8")
        try:
            _python(
                copy,
                *("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/test_proof.py"),
                *self.tests,
            )
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"with {self.name} added:\n{error.output}") from error


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """Copy the files that git would commit to a folder that lasts as long as the context."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    with TemporaryDirectory(prefix="ankong-copy-") as folder:
        copy = Path(folder)
        for name in filter(None, listed.split("\0")):
            if (root / name).is_file():  # and was not deleted just now
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / name, copy / name)
        yield copy


def figures(root: Path, changes: Iterable[Change], *, prove: bool) -> dict[str, float]:
    """Measure each change; arguments and errors as of :meth:`Change.measure`."""
    found: dict[str, float] = {}
    for change in changes:
        found |= change.measure(root, prove=prove)
    return found


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not set(path.parts) & set(_LEFT_BEHIND)
    }


def _changed(before: Mapping[str, bytes], folder: Path) -> set[str]:
    after = _contents(folder)
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def _python(folder: Path, *arguments: str) -> None:
    """Run Python in a copy, with the copy's own packages."""
    subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )

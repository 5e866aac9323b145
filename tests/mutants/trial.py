"""Run tests while one module of the agent is replaced by a mutant of it.

As a program (``python -m tests.mutants.trial``) it reads a request from standard input, and ends
with pytest's status. No file is changed: the mutant is put in the module's place as it is imported.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum, unique
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

import pytest

from tests.mutants.mutation import Mutant

_SECONDS: Final = 120.0  # for the tests of a package; a mutant may run for ever
_ONE_TEST: Final = 20  # seconds
_STATUS: Final = {0: "survived", 1: "killed"}


@unique
class Outcome(StrEnum):
    """How the tests took a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNABLE = "unable"  # it cannot be imported: any test would notice, and none has to


class _MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads other source than the file has."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.get_filename(fullname), "exec", dont_inherit=True)


class _MutantFinder(importlib.abc.MetaPathFinder):
    """Finds one module elsewhere than where it is."""

    def __init__(self, module: str, path: str, source: str) -> None:
        self._module = module
        self._loader = _MutantLoader(module, path, source)
        self._path = path

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self._module:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self._loader)


def run_trial(root: Path, mutant: Mutant, tests: Sequence[str]) -> Outcome:
    """Run tests on a mutant, until the first that fails.

    Args:
        root: of the checkout.
        mutant: of a module that the tests import.
        tests: files and folders.

    """
    request = {
        "module": mutant.module,
        "path": str(root / mutant.path),
        "source": mutant.source,
        "tests": list(tests),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.mutants.trial"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            process.communicate(json.dumps(request).encode(), timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            return Outcome.KILLED
        finally:
            _end(process)
    return Outcome(_STATUS.get(process.returncode, "unable"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a trial with all that its tests may have started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def main() -> int:
    """Run the tests of a request; return pytest's status, or 2 if the mutant is not importable."""
    request = json.load(sys.stdin)
    finder = _MutantFinder(request["module"], request["path"], request["source"])
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module(request["module"])
    except Exception:  # noqa: BLE001  # whatever a mutant does
        return 2
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"]
    # The agent brings a plugin, whose package pytest would rewrite if the mutant were not there.
    options += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*options, f"--timeout={_ONE_TEST}", *request["tests"]]))


if __name__ == "__main__":
    # A mutant may leave threads behind that wait for ever.
    os._exit(main())

"""Have winget or Homebrew themselves judge and take what is rendered, where they are.

For machines that are thrown away afterwards. Nothing is published yet, so that winget downloads
from a server of our own on this computer.
"""

import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from devkit.channel import built, cask, winget
from devkit.installers import OUT as BUILT
from devkit.shell import SetupError, output, run, say, shown
from devkit.trial import WAYS

TAP: Final = "ankong/try"
_QUIET: Final = ("--silent", "--disable-interactivity")
_AGREED: Final = ("--accept-package-agreements", "--accept-source-agreements")
_SCOPES: Final = {"user": ".exe", "machine": ".msi"}


def play(folder: Path | None) -> None:
    """Judge and install through the channel that this system has.

    Args:
        folder: with what was built; ``dist/installers`` by default.

    Raises:
        SetupError: this system has none, there is no file for it, or a step failed.

    """
    if sys.platform == "win32":
        _try_winget(folder or BUILT)
    elif sys.platform == "darwin":
        _try_homebrew(folder or BUILT)
    else:
        raise SetupError("--try is for Windows (winget) and macOS (Homebrew)")


def _try_winget(folder: Path) -> None:
    with serving(folder) as address, tempfile.TemporaryDirectory() as scratch:
        found = built.read(folder, address)
        why = winget.render(found, Path(scratch))
        if why:
            raise SetupError(why)
        _step(["winget", "settings", "--enable", "LocalManifestFiles"])
        _step(["winget", "validate", "--manifest", scratch, "--disable-interactivity"])
        for scope, ending in _SCOPES.items():
            words = ["--manifest", scratch, "--scope", scope, *_QUIET]
            _step(["winget", "install", *words, *_AGREED])
            program = WAYS[ending].program()
            _step([program, "--version"])
            _step(["winget", "uninstall", *words, "--accept-source-agreements"])


def _try_homebrew(folder: Path) -> None:
    found = built.read(folder)
    _step(["brew", "tap-new", "--no-git", TAP])
    where = (output(["brew", "--repository", TAP]) or "").strip()
    if not where:
        raise SetupError("brew does not say where its taps are")
    casks = Path(where, "Casks")
    casks.mkdir(parents=True, exist_ok=True)
    why = cask.render(found, casks)
    if why:
        raise SetupError(why)
    # Without --online: the addresses are nobody's yet.
    _step(["brew", "style", "--cask", f"{TAP}/ankong"])
    _step(["brew", "audit", "--cask", f"{TAP}/ankong"])


def _step(command: Sequence[str | Path]) -> None:
    say(shown([str(word) for word in command]))
    status = run(command)
    if status != 0:
        raise SetupError(f"{command[0]} ended with status {status} (see above)")


class _QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on this computer alone; give the address, without a slash at its end."""
    handler = partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()

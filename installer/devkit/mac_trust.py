"""On a Mac that is thrown away afterwards: have an organisation's authority trusted, and look.

macOS asks a person before it trusts an authority, and a profile of device management alone is
spared that. A hosted machine has neither. So the right to trust is loosened for this test, and put
back: on no Mac that anybody uses. Some machines refuse even that; then it is said that nothing was
seen, and a person has to look.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from devkit.shell import SetupError, shown

SECURITY: Final = "/usr/bin/security"
RIGHT: Final = "com.apple.trust-settings.admin"
KEYCHAIN: Final = "/Library/Keychains/System.keychain"
NOT_SEEN: Final = "macOS lets nobody but a person trust an authority here: that was not seen"
SEEN: Final = (
    "an organisation's authority was trusted, its certificates shared, and both taken back; "
    "for that the right to trust was loosened"
)
_SECONDS: Final = 60  # a question that nobody answers waits for ever
_AS_ROOT: Final = ("sudo", "-n")

Tool = Callable[[Sequence[str], bytes], tuple[int, bytes]]
"""Runs a command with a standard input; returns its exit status and its standard output."""


def run_tool(command: Sequence[str], given: bytes) -> tuple[int, bytes]:
    """Run a command; one that is not there, or does not end, has failed."""
    try:
        done = subprocess.run(
            command, input=given, stdout=subprocess.PIPE, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return 127, b""
    return done.returncode, done.stdout


def try_trust(program: Path, tool: Tool = run_tool) -> str:
    """Share an organisation's certificates and take them back; return what was seen.

    Args:
        program: the installed one.
        tool: runs a command.

    Raises:
        SetupError: something of ours did not do what it should.

    """
    with tempfile.TemporaryDirectory(prefix="ankong-authority-") as folder:
        authority = Path(folder, "authority")
        _right(tool, str(program), "setup", "authority", "--out", str(authority))
        root = authority / "root.cer"
        judge = (SECURITY, "verify-cert", "-l", "-L", "-p", "ssl", "-c", str(root))
        if tool(judge, b"")[0] == 0:
            raise SetupError("smoke: an authority was trusted before anybody said so")
        status, before = tool((*_AS_ROOT, SECURITY, "authorizationdb", "read", RIGHT), b"")
        if status != 0:
            return NOT_SEEN
        try:
            if not _is_let_in(tool, root):
                return NOT_SEEN
            _right(tool, *judge)
            machine = (*_AS_ROOT, str(program), "setup", "machine")
            _right(tool, *machine, "--authority", str(authority))
            _right(tool, *machine, "--undo")
        finally:
            _take_back(tool, root, before)
        if tool(judge, b"")[0] == 0:
            raise SetupError("smoke: the authority is still trusted")
        return SEEN


def _is_let_in(tool: Tool, root: Path) -> bool:
    """Loosen the right, and trust the authority; return whether macOS let us."""
    loosen = (*_AS_ROOT, SECURITY, "authorizationdb", "write", RIGHT, "allow")
    trust = (*_AS_ROOT, SECURITY, "add-trusted-cert", "-d", "-r", "trustRoot", "-p", "ssl")
    return tool(loosen, b"")[0] == 0 and tool((*trust, "-k", KEYCHAIN, str(root)), b"")[0] == 0


def _take_back(tool: Tool, root: Path, before: bytes) -> None:
    """Take the trust away and make the right what it was, as far as there is something to do."""
    name = hashlib.sha1(root.read_bytes(), usedforsecurity=False).hexdigest().upper()  # a name
    for words, given in (
        (("remove-trusted-cert", "-d", str(root)), b""),
        (("delete-certificate", "-Z", name, KEYCHAIN), b""),
        (("authorizationdb", "write", RIGHT), before),
    ):
        tool((*_AS_ROOT, SECURITY, *words), given)


def _right(tool: Tool, *command: str) -> None:
    status, told = tool(command, b"")
    if status != 0:
        said = told.decode("utf-8", "replace")
        raise SetupError(f"smoke: {shown(command)} ended with {status}:\n{said}")

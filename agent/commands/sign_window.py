"""``ankong sign --window FILE…``: hand files over to the panel, as file managers do.

A file manager starts a process for each of a hundred files at once. All but one of them only put a
file into a basket, and load nothing else: what it takes to open the panel is loaded by the one.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from agent.documents.baskets import BasketFolder, describe_file
from agent.errors import AgentError, ErrorCode
from agent.files import PRIVATE
from agent.host.machine.paths import Paths

_LOCAL: Final = ("file:/localhost/", "file:/")
"""Beginnings of an address, as :class:`Path` writes it."""
_begun: Final[list[bool]] = []
"""Not empty where this process has begun a basket of the usual folder."""
_PAGE: Final = "sign"
_START_SECONDS: Final = 60.0
"""For whoever starts the agent meanwhile."""


def joins(files: Sequence[str]) -> bool:
    """Put files into a basket of the usual folder; return whether somebody else opens the panel.

    What goes wrong is said by :func:`sign_in_window`, which tries again.
    """
    try:
        if _put(Paths.choose(), list(map(Path, files))):
            _begun.append(True)
    except (AgentError, OSError):
        return False
    return not _begun


def sign_in_window(
    files: Sequence[Path], state_dir: Path | None, open_page: Callable[[str], bool] | None = None
) -> int:
    """Open the panel with files, whose names are written down for the agent alone; return 0.

    Of several processes that come at the same time one does that, and the others end at once.
    Files that cannot be signed are shown there too, and why.

    Args:
        files: that somebody chose.
        state_dir: the agent's folder; None for the user's own.
        open_page: opens an address in the browser, and returns whether it could.

    Raises:
        AgentError: there is no agent, and none could be started.
        OSError: the basket cannot be written.

    """
    from agent.commands.browser import open_address  # noqa: PLC0415  # see the module
    from agent.commands.output import say  # noqa: PLC0415  # likewise
    from agent.host.instance.panel_opening import first_address  # noqa: PLC0415  # likewise

    paths = Paths.choose(state_dir)
    if not (_begun and state_dir is None) and not _put(paths, files):
        return 0
    folder = BasketFolder(paths.baskets)
    basket = folder.close()
    ensure_agent(paths, folder.starting, state_dir)
    address = first_address(paths, _PAGE, basket)
    if not (open_page or open_address)(address):
        say(address)
    return 0


def _put(paths: Paths, files: Sequence[Path]) -> bool:
    paths.prepare()
    return BasketFolder(paths.baskets).put([describe_file(place_of(each)) for each in files])


def ensure_agent(paths: Paths, lock: Path, state_dir: Path | None) -> None:
    """Start the agent unless one runs; of several processes that want to, one does.

    Raises:
        AgentError: ``timeout``, it did not get ready.
        OSError: it cannot be started.

    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  # likewise

    from agent.commands.setup import complete_once  # noqa: PLC0415  # likewise
    from agent.host.autostart import start_command  # noqa: PLC0415  # likewise
    from agent.host.instance.starting import is_ready, start_agent  # noqa: PLC0415  # likewise

    if is_ready(paths):
        return
    try:
        with FileLock(lock, timeout=_START_SECONDS, mode=PRIVATE):
            if not is_ready(paths):
                complete_once(state_dir)  # else the browser would warn of the certificate
                start_agent(paths, start_command(state_dir))
    except Timeout as error:
        raise AgentError("another process starts the agent", code=ErrorCode.TIMEOUT) from error


def place_of(named: Path) -> Path:
    """Return the path of a file that a file manager names by its address, or by its path.

    Only addresses of this computer are understood (RFC 8089 §2).
    """
    text = str(named)
    for beginning in _LOCAL:
        if text.startswith(beginning):
            return Path("/", os.fsdecode(unquote_to_bytes(text[len(beginning) :])))
    return named

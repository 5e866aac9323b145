"""Baskets: the files that a file manager handed over, until the panel takes them.

A file manager starts one process for each file, up to a hundred; each of them puts its files into
the basket that is being filled, and the first, who began it, closes it once nobody has come for a
while. A closed basket is a file of its own that only an id names, 32 hexadecimal digits that nobody
guesses. So a page names no path, and none is read that this user's own command has not written
down: baskets are in a folder for its user only, and one that is not of this user, or that others
may read, is none.

A file's size and time of change are written down too. One that is another file by the time that
it is read is refused.
"""

import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath, PureWindowsPath
from typing import Annotated, Final, Literal

import msgspec
from filelock import FileLock, Timeout
from msgspec import Meta, Struct

from agent import strict_json
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.files import PRIVATE, private_opener, read_at_most, remove_leftovers, replace_file

JOIN_SECONDS: Final = 0.8
"""How long nobody may have come before a basket is closed."""
LOST_SECONDS: Final = 30.0
"""After which whoever began a basket counts as gone: the next begins another."""
LEFT_SECONDS: Final = 30 * 60.0
"""The age of a basket that nobody may take any more."""
MAX_FILES: Final = 256
_ID: Final = re.compile(r"[0-9a-f]{32}")
_CLOSED: Final = re.compile(r"[0-9a-f]{32}\.json")
_ID_SIZE: Final = 16  # bytes
_MAX_PATH: Final = 32768  # bytes; Windows has so many characters at most
_MAX_SIZE: Final = 2 * 1024 * 1024  # bytes of a basket
_LOCK_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.05
_KERNEL: Final = ("/proc", "/sys", "/dev")
"""Folders of which no file is a document."""

Problem = Literal["", "missing", "no_file", "network", "system", "denied"]


class BasketFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file in a basket.

    Attributes:
        path: absolute, links resolved, as the file system has it; in JSON base64, for a name need
            not be Unicode.
        size: bytes.
        changed: nanoseconds since 1970.
        problem: why it is not taken; empty where nothing is wrong.

    """

    path: Annotated[bytes, Meta(max_length=_MAX_PATH)]
    size: Annotated[int, Meta(ge=0)] = 0
    changed: int = 0
    problem: Problem = ""

    @property
    def place(self) -> Path:
        """The path, as the standard library takes it."""
        return Path(os.fsdecode(self.path))


class Basket(Struct, frozen=True, forbid_unknown_fields=True):
    """Files that somebody chose in a file manager.

    Attributes:
        touched: when the last of them came, seconds since 1970.
        files: at most ``MAX_FILES``, each once.
        more: how many others there were.

    """

    touched: float
    files: Annotated[tuple[BasketFile, ...], Meta(max_length=MAX_FILES)] = ()
    more: Annotated[int, Meta(ge=0)] = 0

    def joined(self, files: Sequence[BasketFile], now: float) -> "Basket":
        """Return the basket with more files."""
        every = {each.path: each for each in (*self.files, *files)}
        kept = tuple(every.values())[:MAX_FILES]
        return Basket(now, kept, self.more + len(every) - len(kept))

    @property
    def is_full(self) -> bool:
        """Whether no other file is kept."""
        return len(self.files) >= MAX_FILES


def describe_file(path: Path) -> BasketFile:
    """Look at a file that somebody chose; nothing of it is read, and nothing raises.

    Links are resolved here, once: what they lead to later does not matter.
    """
    named = os.fsencode(path.absolute())[:_MAX_PATH]
    if is_elsewhere(path):  # before the system tells a server who we are
        return BasketFile(named, problem="network")
    try:
        real = path.resolve(strict=True)
        found = real.stat()
    except FileNotFoundError:
        return BasketFile(named, problem="missing")
    except (OSError, RuntimeError, ValueError):  # a circle of links; a zero byte
        return BasketFile(named, problem="denied")
    problem = _problem(real, found.st_mode)
    if problem:
        return BasketFile(named, problem=problem)
    return BasketFile(os.fsencode(real), found.st_size, found.st_mtime_ns)


def _problem(real: Path, mode: int) -> Problem:
    if is_elsewhere(real):
        return "network"
    if any(real.is_relative_to(folder) for folder in _KERNEL):
        return "system"
    if not stat.S_ISREG(mode):
        return "no_file"
    if len(os.fsencode(real)) > _MAX_PATH or not os.access(real, os.R_OK):
        return "denied"
    return ""


def is_elsewhere(path: PurePath, system: str = os.name) -> bool:
    r"""Return whether a path is one of Windows that names a server or a device: ``\\server\share``.

    Args:
        path: of a file.
        system: as ``os.name`` has it; elsewhere such a name is one like any other.

    """
    return system == "nt" and PureWindowsPath(path).drive.startswith("\\\\")


class BasketFolder:
    """The baskets of one user, in a folder of the agent's."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """Name the folder; it is made when something is put into it.

        Args:
            folder: in the agent's own.
            clock: seconds since 1970, the same for all processes of this computer.

        """
        self._folder = folder
        self._clock = clock
        self._filling = folder / "filling.json"

    @property
    def starting(self) -> Path:
        """The lock of whoever starts the agent, so that two do not."""
        return self._folder / "starting.lock"

    def put(self, files: Sequence[BasketFile]) -> bool:
        """Put files into the basket that is being filled; return whether it was begun here.

        Whoever began it has to :meth:`close` it.

        Raises:
            AgentError: ``busy``, others hold it for too long.
            OSError: it cannot be written.

        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with self._locked():
            now = self._clock()
            found = self._being_filled()
            is_new = found is None or abs(now - found.touched) > LOST_SECONDS
            basket = Basket(now) if found is None or is_new else found
            replace_file(self._filling, msgspec.json.encode(basket.joined(files, now)))
        return is_new

    def close(self, wait: Callable[[float], object] = time.sleep) -> str:
        """Wait until nobody comes any more; return the basket's id.

        Raises:
            AgentError: ``busy``, others hold it for too long; or somebody took it.
            OSError: it cannot be written.

        """
        while (found := self._being_filled()) is not None and not found.is_full:
            left = JOIN_SECONDS - abs(self._clock() - found.touched)
            if left <= 0:
                break
            wait(max(_LOOK_SECONDS, left))
        identifier = secrets.token_hex(_ID_SIZE)
        with self._locked():
            try:
                self._filling.replace(self._folder / f"{identifier}.json")
            except FileNotFoundError as error:
                raise AgentError("the basket is gone", code=ErrorCode.BUSY) from error
        remove_leftovers(self._folder, _CLOSED, LEFT_SECONDS)
        return identifier

    def take(self, identifier: str) -> Basket:
        """Return what is in a basket, which is gone then: it is taken once.

        Raises:
            BadRequestError: there is no such basket, or no more; or it is none that our own
                command has written.

        """
        if not _ID.fullmatch(identifier):
            raise BadRequestError("no id of a basket")
        path = self._folder / f"{identifier}.json"
        try:
            basket = strict_json.decode(_read_own(path), Basket, limit=_MAX_SIZE)
            path.unlink()
        except (OSError, ValueError) as error:
            raise BadRequestError("there is no such basket") from error
        if abs(self._clock() - basket.touched) > LEFT_SECONDS:
            raise BadRequestError("the basket is too old")
        return basket

    def _being_filled(self) -> Basket | None:
        try:
            return strict_json.decode(_read_own(self._filling), Basket, limit=_MAX_SIZE)
        except (OSError, ValueError):
            return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with FileLock(self._folder / "joining.lock", timeout=_LOCK_SECONDS, mode=PRIVATE):
                yield
        except Timeout as error:
            raise AgentError("others hold the basket", code=ErrorCode.BUSY) from error


def _read_own(path: Path) -> bytes:
    """Read a file that nobody else can have written, nor reads.

    Raises:
        OSError: it is somebody else's, or open to others; a link, no regular file, or too long.

    """
    with open(path, "rb", opener=private_opener) as file:
        found = os.fstat(file.fileno())
        if os.name == "posix" and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
            raise PermissionError(f"{path}: not for this user alone")
        return read_at_most(file, _MAX_SIZE)

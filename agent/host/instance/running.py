"""One agent for each state folder, and a way to say which one it is."""

import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from agent.errors import AgentError, ErrorCode
from agent.files import replace_file
from agent.host.machine.paths import Paths
from agent.host.machine.windows_objects import hold_mutex


class AlreadyRunningError(AgentError):
    """Another agent holds this state folder.

    Attributes:
        pid: its process, where it said so.

    """

    code = ErrorCode.BUSY

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = "another agent" if pid is None else f"the agent with process id {pid}"
        super().__init__(f"{who} already uses {folder}")
        self.pid = pid


class Instance:
    """Holds the state folder for as long as its context lasts.

    The lock is the operating system's: it ends with the process, however that ends.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        # A SoftFileLock would outlive a crash; FileLock is flock or LockFileEx.
        # Not at once: whoever asks whether an agent runs holds the lock for a moment.
        self._lock = FileLock(paths.lock, timeout=0.3, thread_local=False)

    def __enter__(self) -> Self:
        """Take the folder.

        Raises:
            AlreadyRunningError: it is taken.
            OSError: the folder cannot be written.

        """
        try:
            self._lock.acquire()
        except Timeout as error:
            raise AlreadyRunningError(self._paths.state, self._holder()) from error
        hold_mutex()
        with suppress(OSError):  # an old request is not for this agent
            self._paths.quit_request.unlink(missing_ok=True)
        self.announce()
        return self

    def announce(self, **facts: int | str | None) -> None:
        """Write down who we are: the process id and ``facts``, such as the port.

        Raises:
            OSError: the file cannot be written.

        """
        content = json.dumps({"pid": os.getpid(), **facts})
        replace_file(self._paths.instance, content.encode())

    def _holder(self) -> int | None:
        try:
            pid = json.loads(self._paths.instance.read_text(encoding="utf-8"))["pid"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return pid if isinstance(pid, int) else None

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._paths.instance.unlink(missing_ok=True)
        self._lock.release()

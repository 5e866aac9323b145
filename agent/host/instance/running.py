"""One agent for each state folder, and the record by which others find it."""

import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from filelock import FileLock, Timeout

from agent.errors import AgentError, ErrorCode
from agent.files import PRIVATE, ensure_file, remove_leftovers
from agent.host.instance.record import InstanceRecord, read_record, write_record
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
        said = ("cli.error.already_running", {"folder": folder})
        super().__init__(f"{who} already uses {folder}", said=said)
        self.pid = pid


class Instance:
    """Holds the state folder for as long as its context lasts.

    The lock is the operating system's: it ends with the process, however that ends.
    """

    def __init__(
        self, paths: Paths, policy: str | None = None, display: bool | None = None
    ) -> None:
        """Prepare to hold a folder.

        Args:
            paths: of its files.
            policy: the fingerprint of the policy that is in force.
            display: whether there is one for its windows; None where it needs none.

        """
        self._display = display
        self._policy = policy
        self._paths = paths
        self._record = InstanceRecord(pid=os.getpid())
        self._writing = threading.Lock()
        self._is_over = False
        # A SoftFileLock would outlive a crash; FileLock is flock or LockFileEx.
        # Not at once: whoever asks whether an agent runs holds the lock for a moment.
        self._lock = FileLock(paths.lock, timeout=0.3, mode=PRIVATE, thread_local=False)

    def __enter__(self) -> Self:
        """Take the folder.

        Raises:
            AlreadyRunningError: it is taken.
            OSError: the folder cannot be written, or a link is in the lock's place.

        """
        ensure_file(self._paths.lock)
        try:
            self._lock.acquire()
        except Timeout as error:
            holder = read_record(self._paths.instance)
            pid = None if holder is None else holder.pid
            raise AlreadyRunningError(self._paths.state, pid) from error
        try:
            hold_mutex()
            for folder in (self._paths.state, self._paths.tls):
                remove_leftovers(folder)
            with suppress(OSError):  # an old request is not for this agent
                self._paths.quit_request.unlink(missing_ok=True)
            self.announce()
        except BaseException:
            self._lock.release()  # a disk that is full now may have room later
            raise
        return self

    def announce(  # noqa: PLR0913  # what others may want to know
        self,
        *,
        port: int | None = None,
        hipki_port: int | None = None,
        provider: str | None = None,
        testing: bool = False,
        also: tuple[int, ...] = (),
        missing: tuple[int, ...] = (),
        left: tuple[int, ...] = (),
        mca_port: int | None = None,
        jrsys_ports: tuple[int, ...] = (),
        jrsys_missing: tuple[int, ...] = (),
        porter: tuple[int, ...] = (),
    ) -> None:
        """Tell other processes where this agent is (see :class:`InstanceRecord`); blocks.

        Raises:
            OSError: the file cannot be written.

        """
        with self._writing:
            self._record = InstanceRecord(
                pid=os.getpid(),
                port=port,
                hipki_port=hipki_port,
                provider=provider,
                testing=testing,
                policy=self._policy,
                display=self._display,
                also=also,
                missing=missing,
                left=left,
                mca_port=mca_port,
                jrsys_ports=jrsys_ports,
                jrsys_missing=jrsys_missing,
                porter=porter,
                icon=self._record.icon,
            )
            write_record(self._paths.instance, self._record)

    def announce_policy(self, fingerprint: str) -> None:
        """Tell other processes that another policy is in force; blocks, from any thread.

        What cannot be written is written with the next announcement.
        """
        with self._writing:
            self._policy = fingerprint
            if self._is_over:
                return
            self._record = msgspec.structs.replace(self._record, policy=fingerprint)
            with suppress(OSError):
                write_record(self._paths.instance, self._record)

    def announce_icon(self, *, shown: bool) -> None:
        """Tell other processes whether the desktop shows the icon; blocks, from any thread.

        What cannot be written is written with the next announcement.
        """
        with self._writing:
            if self._record.icon is shown or self._is_over:
                return
            self._record = msgspec.structs.replace(self._record, icon=shown)
            with suppress(OSError):
                write_record(self._paths.instance, self._record)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._writing, suppress(OSError):
            self._is_over = True  # the next agent's record is not to be written over
            self._paths.instance.unlink(missing_ok=True)
        self._lock.release()

"""A PostgreSQL server of the tests' own, on a Unix socket in a private folder.

PostgreSQL refuses to run as root, so there it runs as the user ``postgres`` or ``nobody``. It ends
with the thread that started it, however that ends.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

INSTALL: Final = "sudo apt-get install -y postgresql"
_SUPERUSER: Final = "ankong"
_SECONDS: Final = 60.0  # for a start or an end that a fault would hold up
_SETTINGS: Final = ("listen_addresses=", "max_connections=200")
# What is lost with the machine's power is of no interest here; what is lost with a process is.
_FAST: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def find_program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs, of the newest version; None without it."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("[0-9]*/bin"),
        key=lambda folder: int(folder.parent.name),
        reverse=True,
    )
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)])
    return shutil.which(name, path=path)


def is_installed() -> bool:
    """Return whether a server can be started here."""
    return bool(find_program("initdb") and find_program("postgres") and shutil.which("setpriv"))


class Cluster:
    """A server with its data, which can be stopped and started again."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        """Make the data of a server; :meth:`start` starts it.

        Args:
            folder: empty, with a short path: that of a socket has at most 107 bytes.
            durable: whether a commit waits for the disk, as it does in service.

        """
        self.folder = folder
        self._settings = (*_SETTINGS, *(() if durable else _FAST))
        self._process: subprocess.Popen[bytes] | None = None
        self._prefix = _as_another_user(folder)
        options = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._run("initdb", *options, f"--username={_SUPERUSER}", str(folder / "data"))

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            RuntimeError: it does not; the text is its log.

        """
        settings = (*self._settings, f"unix_socket_directories={self.folder}")
        log_path = self.folder / "log"
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(*self._prefix, _program("postgres"), "-D", str(self.folder / "data")),
                    *(word for setting in settings for word in ("-c", setting)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + _SECONDS
        asked = [_program("pg_isready"), "--quiet", f"--host={self.folder}"]
        while subprocess.run(asked, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log_path.read_text("utf-8"))
            time.sleep(0.05)

    def stop(self) -> None:
        """End every connection and the server; its data stay."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)  # "fast": nobody is waited for
            process.wait(_SECONDS)

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database, an empty one or a copy; return its address."""
        self.query("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return f"postgresql://{_SUPERUSER}@/{name}?host={self.folder}"

    def query(self, database: str, statement: str) -> list[str]:
        """Run a statement; return a line for each row, with "|" between its columns."""
        where = (f"--host={self.folder}", f"--username={_SUPERUSER}", f"--dbname={database}")
        options = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align")
        return self._run("psql", *where, *options, f"--command={statement}").splitlines()

    def restore(self, database: str, dump: Path) -> None:
        """Fill an empty database from a file of ``pg_dump``."""
        with dump.open("rb") as file:  # which the server's user may not open by itself
            where = (f"--host={self.folder}", f"--username={_SUPERUSER}", f"--dbname={database}")
            subprocess.run(
                [*self._prefix, _program("pg_restore"), *where, "--exit-on-error"],
                stdin=file,
                check=True,
                timeout=_SECONDS,
                cwd=self.folder,
            )

    def _run(self, name: str, *arguments: str) -> str:
        done = subprocess.run(
            [*self._prefix, _program(name), *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            cwd=self.folder,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr}")
        return done.stdout


@contextmanager
def running_cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Run a server of one's own while the block runs; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="ankong-pg-") as folder:
        cluster = Cluster(Path(folder), durable=durable)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


def _as_another_user(folder: Path) -> Sequence[str]:
    """Return the words that start a program which may not be root's, and give it the folder."""
    setpriv = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() != 0:
        return setpriv
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in known else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    numbers = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return [*setpriv, *numbers]


def _program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise RuntimeError(f"{name} is missing: {INSTALL}")
    return found

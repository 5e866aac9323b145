"""An account of this computer that is made for a test, and goes with everything of it."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 60.0


@dataclass
class Account:
    """A new user, at a desktop of their own.

    Attributes:
        name: for signing in.
        environment: what a program finds that is started on their desktop.

    """

    name: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def _entry(self) -> pwd.struct_passwd:
        return pwd.getpwnam(self.name)

    @property
    def home(self) -> Path:
        return Path(self._entry.pw_dir)

    @property
    def _as_user(self) -> Mapping[str, Any]:
        """Return what makes a program the user's own."""
        entry = self._entry
        own = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        return {**own, "cwd": self.home, "env": self.environment}

    @property
    def identity(self) -> list[str]:
        """The arguments with which setpriv(1) runs a program as the user."""
        entry = self._entry
        return [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]

    def start(self, *command: str | Path, **more: Any) -> "subprocess.Popen[str]":
        """Start a program as the user."""
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        return subprocess.Popen(command, text=True, **{**quiet, **self._as_user, **more})

    def run(self, *command: str | Path) -> str:
        """Run a program as the user; return what it says."""
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=120, **self._as_user
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def give(self, source: Path, name: str) -> Path:
        """Put a copy of a file into the user's home, and return it."""
        target = self.home / name
        self.make_folder(str(Path(name).parent))
        shutil.copyfile(source, target)
        self._own(target)
        return target

    def make_folder(self, name: str) -> Path:
        """Make a folder in the user's home, as the user would."""
        self.run("mkdir", "-p", name)
        return self.home / name

    def _own(self, path: Path) -> None:
        os.chown(path, self._entry.pw_uid, self._entry.pw_gid)

    def end_all(self) -> None:
        """End every program of the user, which are all of this test's making."""
        end = time.monotonic() + SECONDS
        while found := self._programs():
            assert time.monotonic() < end, "a program of the account does not end"
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def _programs(self) -> list[int]:
        found = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError):
                is_running = folder.name.isdigit() and "Z" not in _state(folder)
                if is_running and folder.stat().st_uid == self._entry.pw_uid:
                    found.append(int(folder.name))
        return found


def _state(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def new_account(name: str, display: str) -> Iterator[Account]:
    """Make an account with a session bus on ``display``, and remove it afterwards.

    Args:
        name: of the user; there must be none with it.
        display: of an X server that lets every user of this computer in.

    """
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True)
    with ExitStack() as stack:
        stack.callback(
            subprocess.run, ["userdel", "--remove", name], check=True, capture_output=True
        )
        account = Account(name)
        stack.callback(account.end_all)
        account.environment |= {
            "HOME": str(account.home),
            "USER": name,
            "LOGNAME": name,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "zh_TW.UTF-8",
            "DISPLAY": display,
            "NO_AT_BRIDGE": "1",
        }
        run = account.make_folder(".run")
        run.chmod(0o700)
        account.environment["XDG_RUNTIME_DIR"] = str(run)
        account.environment["DBUS_SESSION_BUS_ADDRESS"] = _bus(account, stack)
        yield account


def _bus(account: Account, stack: ExitStack) -> str:
    """Start the user's session bus; return its address."""
    command = ("dbus-daemon", "--session", "--nofork", "--print-address=1")
    bus = stack.enter_context(account.start(*command, stdout=subprocess.PIPE))
    stack.callback(bus.terminate)
    assert bus.stdout is not None
    return bus.stdout.readline().strip()

"""A clean Debian in a folder, with nothing in it but what debootstrap puts there."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).resolve().parents[4] / "build" / "chroots"
USER = "wang"
_SECONDS = 900
# What package management and logging keep for themselves, and what is made anew from the rest.
_NOT_COMPARED = (
    *("dev/", "home/", "proc/", "run/", "tmp/", "var/backups/", "var/cache/", "var/lib/apt/"),
    *("var/lib/dpkg/", "var/lib/systemd/", "var/log/", "etc/ld.so.cache"),
)


class Debian:
    """One system.

    Attributes:
        root: its folder.

    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def home(self) -> Path:
        """Its user's home, as it is seen from here."""
        return self.root / "home" / USER

    def command(self, *words: str, user: str = "root") -> list[str]:
        """Return what runs a program there."""
        home = "/root" if user == "root" else f"/home/{user}"
        clean = ["env", "-i", f"HOME={home}", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        return ["chroot", f"--userspec={user}", str(self.root), *clean, *words]

    def run(self, *words: str, user: str = "root", typed: str = "") -> str:
        """Run a program there; return what it says."""
        done = self.try_to(*words, user=user, typed=typed)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_to(
        self, *words: str, user: str = "root", typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program there, however it ends."""
        return subprocess.run(
            self.command(*words, user=user),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )

    def apt(self, *words: str) -> str:
        """Run apt-get there."""
        quiet = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "--no-install-recommends"]
        return self.run("env", *quiet, *words)

    def files(self) -> Mapping[str, tuple[int, int]]:
        """List everything that a package could leave: its kind and permissions, and its size."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            for path in (Path(folder, name) for name in (*folders, *names)):
                place = str(path.relative_to(self.root))
                if not f"{place}/".startswith(_NOT_COMPARED):
                    facts = path.lstat()
                    found[place] = (facts.st_mode, 0 if path.is_dir() else facts.st_size)
        return found


@contextmanager
def debian(suite: str, folder: Path) -> Iterator[Debian]:
    """Have a system of its own in ``folder`` for a while; a pristine one is kept for later."""
    base = CACHE / f"{suite}.base"
    if not base.exists():
        half = CACHE / f"{suite}.half"
        shutil.rmtree(half, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", suite, str(half)]
        subprocess.run(command, check=True, timeout=_SECONDS, stdout=subprocess.DEVNULL)
        half.rename(base)
    root = folder / suite
    subprocess.run(["cp", "--archive", base, root], check=True, timeout=_SECONDS)
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    # No service is to start in a system that does not run.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
    try:
        yield Debian(root)
    finally:
        subprocess.run(["umount", root / "proc"], check=True)
        shutil.rmtree(root)

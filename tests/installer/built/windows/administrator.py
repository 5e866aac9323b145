"""An administrator's hands on a Windows without a desktop: msiexec, and what it has left behind."""

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from windows.build import msi
from windows.build.wine import CACHE, MINGW, Prefix, windows_path

REFUSED = 1603 & 0xFF
"""What a shell here sees of ERROR_INSTALL_FAILURE."""
FAILED = (REFUSED, 1627 & 0xFF)
"""Where an action fails, Wine says ERROR_FUNCTION_FAILED."""
PROGRAMS = "Program Files/Ankong"
POLICY = "ProgramData/Ankong/policy.toml"
_PATIENCE = 60.0  # seconds
SOURCE = Path(__file__).with_name("double.c")


@dataclass(frozen=True)
class Administrator:
    """Installs on a Windows."""

    prefix: Prefix

    def msiexec(self, option: str, what: Path | str, *words: str) -> int:
        """Run msiexec silently; return what a shell sees of its exit status."""
        name = windows_path(what) if isinstance(what, Path) else what
        return self.prefix.run("msiexec", option, name, "/qn", *words)[0]

    def repair(self, what: Path | str) -> int:
        """Put everything back."""
        return self.msiexec("/i", what, "REINSTALL=ALL", "REINSTALLMODE=amus")

    def calls(self) -> list[str]:
        """Return how the double was called, and forget it."""
        file = self.prefix.drive / "calls.txt"
        lines = file.read_text("utf-8-sig").splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    def calls_until(self, last: str) -> list[str]:
        """Return how the double was called, once it was by ``last``; without it after a while."""
        file, end = self.prefix.drive / "calls.txt", time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if file.exists() and last in file.read_text("utf-8-sig").splitlines():
                break
            time.sleep(0.1)
        return self.calls()

    def fail(self, *calls: str) -> None:
        """Have the double fail at these calls, and at no others."""
        folder = self.prefix.drive / "fails"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for call in calls:
            (folder / call).touch()

    def values(self, key: str) -> dict[str, str]:
        """Return the texts and numbers of a key of HKEY_LOCAL_MACHINE; none where it is missing."""
        file = self.prefix.drive / "values.reg"
        file.unlink(missing_ok=True)
        self.prefix.run("regedit", "/E", windows_path(file), rf"HKEY_LOCAL_MACHINE\{key}")
        if not file.exists():
            return {}
        line = r'^"(.*?)"=(?:"(.*)"|(dword:.*?))\r?$'
        lines = re.findall(line, file.read_text("utf-16"), re.MULTILINE)
        file.unlink()
        return {name: number or re.sub(r"\\(.)", r"\1", text) for name, text, number in lines}

    def facts(self) -> dict[str, str]:
        return self.values(r"Software\Ankong")

    def service(self) -> dict[str, str]:
        """Return what the registry has of the porter's service; none where there is none."""
        return self.values(r"System\CurrentControlSet\Services\AnkongPorter")

    def at_sign_in(self) -> str | None:
        return self.values(r"Software\Microsoft\Windows\CurrentVersion\Run").get("Ankong")

    def tree(self) -> set[str]:
        """List what lies on drive C, but for what is Windows Installer's own."""
        root = self.prefix.drive
        everything = {str(each.relative_to(root)) for each in root.rglob("*")}
        own = re.compile(r"windows/(Installer|temp)(/|$)|users/\w+/(AppData/Local/)?Temp/|fails")
        return {each for each in everything if not own.match(each)}

    def remains(self) -> list[str]:
        """Return the registry's lines that name us, of all branches that an MSI writes to."""
        file, found = self.prefix.drive / "remains.reg", []
        services = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services"
        for branch in ("HKEY_CURRENT_USER", r"HKEY_LOCAL_MACHINE\Software", services):
            self.prefix.run("regedit", "/E", windows_path(file), branch)
            lines = file.read_text("utf-16").splitlines()
            found += [line for line in lines if re.search("ankong|安控", line, re.IGNORECASE)]
            file.unlink()
        return found

    def run(self, *command: str | Path) -> tuple[int, str]:
        return self.prefix.run(*command)

    def clean(self, *codes: str) -> None:
        """Uninstall what a test has left there."""
        self.fail()
        for code in codes if self.facts() else ():
            self.msiexec("/x", code)
        self.calls()
        for folder in ("fails", "ProgramData/Ankong", PROGRAMS):
            shutil.rmtree(self.prefix.drive / folder, ignore_errors=True)


def make_double(folder: Path, version: str, *files: str) -> Path:
    """Write an MSI of a small program that stands in for ours; return the file.

    Args:
        folder: for the MSI and what it is made of.
        version: of the program.
        files: that it has besides, by their paths in its folder.

    """
    program = folder / f"double-{version}"
    for name in ("ankong.exe", "ankongw.exe", *files):
        (program / name).parent.mkdir(parents=True, exist_ok=True)
        (program / name).write_text(f"{name} of {version}\n")
    double = program / "ankong.exe"
    words = [MINGW, "-O1", "-s", "-municode", str(SOURCE), "-o", str(double)]
    subprocess.run(words, check=True, timeout=60)
    shutil.copyfile(double, program / "ankongw.exe")
    target = folder / f"double-{version}.msi"
    msi.write(msi.product_of(program, version), target, CACHE / "double-msi", 1_700_000_000)
    return target

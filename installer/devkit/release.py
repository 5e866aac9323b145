"""Put the files of a release together: one bill of materials, sums, what is still to be tried.

Each machine that built leaves a folder with its installers, their table and the bills of what it
froze (``dev.py bill``); those whose name begins with ``signed`` replace the unsigned files of the
same names, whose sums are kept. Nothing here knows a key: :mod:`manifest` signs the sums.
"""

import json
import os
import platform
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from frozen import bill

from devkit import channels
from devkit.agreement import version_of
from devkit.channel import built
from devkit.installers import OUT, SUMS, TABLE
from devkit.proofs import sha256_of
from devkit.shell import ROOT, SetupError, say

PARTS: Final = ROOT / "dist" / "parts"
RELEASE: Final = ROOT / "dist" / "release"
UNSIGNED: Final = "UNSIGNED-SHA256SUMS"
BILL: Final = "sbom.cdx.json"
PROGRAMS: Final = "windows-programs.sums"
"""The sums of the programs that the wizard for Windows carries, unsigned."""
_PREFIX: Final = "sbom-"
_CARRIES: Final = {
    ".deb": "linux",
    ".rpm": "linux",
    ".run": "linux",
    ".exe": "windows",
    ".msi": "windows",
    ".pkg": "macos",
}
_FROZEN: Final = {
    "linux": "build/ankong",
    "windows": "build/windows/ankong",
    "macos": "build/macos/root",
}
"""Where the frozen program of each system lies after a build."""


def keep_bills(root: Path = ROOT, out: Path = OUT) -> int:
    """Put the bill of each program that was frozen here beside the installers; return the status.

    The sums of Windows' programs are put there, too, where this build signs nothing.

    Raises:
        SetupError: none was frozen.

    """
    kept = 0
    for system, folder in _FROZEN.items():
        for found in sorted((root / folder).rglob(BILL))[:1]:
            # Windows and macOS name their processor; on Linux it is this one.
            shutil.copyfile(found, out / f"{_PREFIX}{system}-{platform.machine()}.cdx.json")
            say(f"{system}: {len(json.loads(found.read_text('utf-8'))['components'])} components")
            kept += 1
    # What is signed carries signed programs: these are compared one by one (release/strip.py).
    programs = sorted((root / _FROZEN["windows"]).glob("*.exe"))
    if programs and not os.environ.get("ANKONG_SIGN"):
        lines = (f"{sha256_of(path)}  {path.name}\n" for path in programs)
        (out / PROGRAMS).write_text("".join(lines), "utf-8")
    if not kept:
        raise SetupError("no program was frozen here: dev.py installers")
    return 0


def gather(parts: Path = PARTS, out: Path = RELEASE) -> int:
    """Write the files of a release into ``out``; return the exit status.

    Raises:
        SetupError: there are no installers, or their bills are missing or of several versions.

    """
    shutil.rmtree(out, ignore_errors=True)
    files = out / "files"
    files.mkdir(parents=True)
    folders = sorted(path for path in parts.iterdir() if path.is_dir()) if parts.is_dir() else []
    plain = [each for each in folders if not each.name.startswith("signed")]
    unsigned = _copy(plain, files)
    signed = _copy([each for each in folders if each.name.startswith("signed")], files)
    if not unsigned:
        raise SetupError(f"no installers of {version_of(ROOT)} in {parts}")
    whole = bill.text(_bill(folders, files))
    (out / BILL).write_text(whole, "utf-8")
    (files / f"ankong-{version_of(ROOT)}.cdx.json").write_text(whole, "utf-8")
    # Whoever builds again compares with these, or takes the signatures off (release/strip.py).
    lines = [f"{found}  {name}\n" for name, found in sorted(unsigned.items())]
    lines += [each.read_text("utf-8") for folder in plain for each in folder.glob(PROGRAMS)]
    (files / UNSIGNED).write_text("".join(lines), "utf-8")
    table = _table(folders, files)
    (files / TABLE).write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", "utf-8")
    _pack_channels(out / "channels", files)
    sums = (f"{sha256_of(path)}  {path.name}\n" for path in sorted(files.iterdir()))
    (files / SUMS).write_text("".join(sums), "utf-8")
    say(f"{len(unsigned)} installers, {len(signed)} of them signed: {out}")
    return 0


def _pack_channels(work: Path, files: Path) -> None:
    """Put what channels publish of these files beside them, in one archive.

    Args:
        work: a folder for what is rendered.
        files: those of the release, with their table; the archive goes there.

    """
    carried = [channel for channel in channels.CHANNELS if channel.in_release]
    channels.render(built.read(files), work, carried)
    with zipfile.ZipFile(files / f"ankong-{version_of(ROOT)}-channels.zip", "w") as archive:
        for path in sorted(path for path in work.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(work).as_posix())  # dated 1980, always
            entry.create_system = 3  # Unix
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def _copy(folders: Sequence[Path], files: Path) -> dict[str, str]:
    """Copy the installers of this version; return the SHA-256 of each by its name."""
    found = {}
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.suffix in _CARRIES and version_of(ROOT) in path.name:
                shutil.copyfile(path, files / path.name)
                found[path.name] = sha256_of(path)
    return found


def _bill(folders: Sequence[Path], files: Path) -> dict[str, Any]:
    """Return the one bill of all installers."""
    bills: dict[str, Mapping[str, Any]] = {}
    carriers: dict[str, list[Path]] = {}
    for folder in folders:
        for path in sorted(folder.glob(f"{_PREFIX}*.cdx.json")):
            name = path.name.removeprefix(_PREFIX).removesuffix(".cdx.json")
            bills[name] = json.loads(path.read_text("utf-8"))
            system = name.partition("-")[0]
            own = [file for file in sorted(folder.iterdir()) if _CARRIES.get(file.suffix) == system]
            carriers[name] = [files / file.name for file in own if (files / file.name).exists()]
    without = {path.name for path in files.iterdir()} - {
        path.name for paths in carriers.values() for path in paths
    }
    if without:
        raise SetupError(f"no bill says what is in {', '.join(sorted(without))}: dev.py bill")
    try:
        return bill.merged(bills, carriers)
    except KeyError as error:
        raise SetupError(f"a bill of this release has no {error.args[0]}: build anew") from error
    except ValueError as error:
        raise SetupError(f"the bills of this release: {error}") from error


def _table(folders: Sequence[Path], files: Path) -> list[dict[str, Any]]:
    """Return the rows of the tables of all machines, with the sizes and hashes of these files."""
    rows: dict[str, dict[str, Any]] = {}
    for folder in folders:
        if (folder / TABLE).is_file():
            found = json.loads((folder / TABLE).read_text("utf-8"))
            rows.update({row["name"]: row for row in found})
    measured = {
        name: {"size": (files / name).stat().st_size, "sha256": sha256_of(files / name)}
        for name in sorted(rows)
        if (files / name).exists()
    }
    return [{**rows[name], **facts} for name, facts in measured.items()]

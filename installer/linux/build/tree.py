"""The file tree of the packages for Linux."""

import gzip
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from devkit.channel import published
from devkit.shell import ROOT
from frozen import freeze
from linux.build.completions import completions
from linux.build.manuals import manual_pages
from linux.build.metainfo import PLACE, metainfo

SOURCES = ROOT / "installer" / "linux"
PROGRAM = "usr/lib/ankong"
AUTOSTART = "etc/xdg/autostart/ankong.desktop"
MAINTAINER = f"The Ankong authors <{published.facts()['publisher']['mail']}>"
SERVICE = "usr/lib/systemd/system/ankong-porter.service"
_EXECUTABLES = ("ankong",)
_LINKS = {
    "usr/bin/ankong": "../lib/ankong/ankong",
    "usr/share/doc/ankong/licences": "../../../lib/ankong/_internal/licences",
    "usr/share/doc/ankong/sbom.cdx.json": "../../../lib/ankong/_internal/sbom.cdx.json",
}


def lay_out(root: Path, bundle: Path, version: str, when: int) -> None:
    """Fill the empty folder ``root``.

    Args:
        root: what will be ``/``.
        bundle: the frozen program.
        version: of it.
        when: seconds since 1970, for changelog and metainfo.

    """
    copy_program(bundle, root / PROGRAM)
    _write(root / AUTOSTART, autostart_file())
    _write(
        root / "usr/share/applications/ankong.desktop",
        menu_entry(),
    )
    _write(root / PLACE, metainfo(version, when))
    for place, text in file_manager_entries().items():
        _write(root / "usr/share" / place, text)
    _write_icons(bundle / "_internal" / "icons", root / "usr/share/icons/hicolor")
    for place, text in manual_pages(version).items():
        _compress(root / "usr/share/man" / f"{place}.gz", text)
    for place, text in completions().items():
        _write(root / "usr/share" / place, text)
    _write(root / SERVICE, porter_service())
    doc = root / "usr/share/doc/ankong"
    _write(doc / "copyright", _copyright())
    _compress(doc / "changelog.gz", _changelog(version, when))
    _write(
        root / "usr/share/lintian/overrides/ankong",
        (SOURCES / "lintian-overrides").read_text("utf-8"),
    )
    for place, target in _LINKS.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).symlink_to(target)
    freeze.settle(root)


def copy_program(bundle: Path, target: Path) -> None:
    """Copy the frozen program with the permissions of installed files."""
    shutil.copytree(bundle, target, symlinks=True)
    for folder, _, files in os.walk(target):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            is_program = Path(folder) == target and name in _EXECUTABLES
            path.chmod(0o755 if is_program else 0o644)


def autostart_file() -> str:
    """Return the desktop file that starts the agent at login."""
    from agent.host.autostart.xdg import desktop_file  # noqa: PLC0415  # the chores run without it

    program = f"/{PROGRAM}/ankong"
    # A package that was removed but not purged leaves this file.
    return desktop_file((program, "tray")) + f"TryExec={program}\nIcon=ankong\n"


def porter_service() -> str:
    """Return the unit that runs the porter, which nothing enables but an administrator."""
    text = (SOURCES / "ankong-porter.service").read_text("utf-8")
    return text.format(program=f"/{PROGRAM}/ankong")


def file_manager_entries() -> dict[str, str]:
    """Write what has file managers offer to sign, by where it is below ``/usr/share``."""
    from agent.host.filemanager.desktop_actions import CONTENTS  # noqa: PLC0415  # as above

    command = (f"/{PROGRAM}/ankong", "sign", "--window", "--")
    return {place: content(command) for place, content in CONTENTS.items()}


def menu_entry() -> str:
    """Write the entry in the menu of applications."""
    from agent.words.desktop import localized  # noqa: PLC0415  # the chores run without it

    keys = {
        "Name": "product.name",
        "GenericName": "product.kind",
        "Comment": "product.panel",
        "Keywords": "product.search_words",
    }
    text = (SOURCES / "ankong.desktop").read_text("utf-8")
    return text.format_map({field: localized(field, key) for field, key in keys.items()})


def _write_icons(pictures: Path, theme: Path) -> None:
    """Copy the icon in every size into an icon theme's folder."""
    for picture in sorted(pictures.glob("ankong-*.png")):
        size = picture.stem.removeprefix("ankong-")
        path = theme / f"{size}x{size}" / "apps" / "ankong.png"
        path.parent.mkdir(parents=True)
        shutil.copyfile(picture, path)


def _copyright() -> str:
    lines = (ROOT / "LICENSE").read_text("utf-8").strip().split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("Copyright"))
    holder = lines[start].removeprefix("Copyright (c) ")
    licence = "\n".join(f" {line}" if line else " ." for line in lines[start + 2 :])
    text = (SOURCES / "copyright").read_text("utf-8")
    return text.replace("{copyright}", holder).replace("{licence}", licence)


def _changelog(version: str, when: int) -> str:
    date = datetime.fromtimestamp(when, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    return (
        f"ankong ({version}) stable; urgency=medium\n\n"
        "  * What has changed is in CHANGELOG.md of the sources.\n\n"
        f" -- {MAINTAINER}  {date}\n"
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _compress(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))

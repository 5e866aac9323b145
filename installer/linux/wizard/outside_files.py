"""What belongs to an installation outside the program's folder, and how it is put there.

Commands, entries in the menu, icons, and what is read by other programs of the user's: the manual
page by ``man``, the completion of command lines by bash and fish.
"""

import errno
import os
from pathlib import Path

from agent.files import replace_file
from agent.host.autostart.xdg import quoted
from agent.words.desktop import localized
from wizard.damage import OutsideFiles
from wizard.install_paths import ICON_SIZES, InstallPaths

_MENU_ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.4
{name}{comment}Exec={executable} tray --panel
Icon=ankong
Terminal=false
Categories=System;Security;
"""
_REMOVAL_ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.4
{name}{comment}Exec={executable} --wizard --uninstall
Icon=ankong
Terminal=false
Categories=Settings;
"""


def icons_of(source: Path) -> Path:
    """Return the folder of a program's icons, ``ankong-SIZE.png`` for each of ``ICON_SIZES``."""
    return source / "_internal" / "icons"


def outside_files(source: Path, paths: InstallPaths) -> OutsideFiles:
    """Return the files outside the program's folder, with what is in them.

    Args:
        source: folder of the program, with the icons and the help that it brings.
        paths: of the installation.

    """
    executable = quoted(str(paths.executable))
    icons, help_folder = icons_of(source), source / "_internal" / "share"
    helps = sorted(path for path in help_folder.rglob("*") if path.is_file())
    menu = _MENU_ENTRY.format(
        executable=executable,
        name=localized("Name", "product.name"),
        comment=localized("Comment", "product.panel"),
    )
    removal = _REMOVAL_ENTRY.format(
        executable=executable,
        name=localized("Name", "product.remove"),
        comment=localized("Comment", "product.remove_text"),
    )
    return {
        paths.command: paths.executable,
        paths.removal_command: paths.removal_script,
        paths.menu_entry: menu.encode(),
        paths.removal_entry: removal.encode(),
        **{paths.icon(size): (icons / f"ankong-{size}.png").read_bytes() for size in ICON_SIZES},
        **{paths.help(path.relative_to(help_folder)): path.read_bytes() for path in helps},
    }


def where_it_stops(path: Path) -> OSError | None:
    """Return why a file cannot be written at a path, None where it can; nothing is changed."""
    folders = path.parents
    nearest = next(each for each in folders if os.path.lexists(each))
    if not nearest.is_dir():  # a file, or a link that leads nowhere
        number = errno.ENOTDIR
    elif not os.access(nearest, os.W_OK | os.X_OK):
        number = errno.EACCES
    else:
        return None
    return OSError(number, os.strerror(number), str(nearest))


def put(path: Path, content: bytes | Path) -> None:
    """Write a file, or make the symbolic link that leads to ``content``.

    Raises:
        OSError: it cannot be written.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        path.unlink(missing_ok=True)
        path.symlink_to(content)
    else:
        replace_file(path, content, mode=0o644)


def take_away(path: Path) -> None:
    """Remove a file or a link; a folder that somebody has put in its place stays.

    Raises:
        OSError: it cannot be removed.

    """
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)

"""What NSS's tools are shown of a browser's database: its two files, and nothing that is run.

They load each library that ``pkcs11.txt`` names, and a ``libnssckbi.so`` that lies beside it. Both
are the browser's to write, and any other Snap's or Flatpak's that has such a folder: its code would
run here, outside of its sandbox, whenever the agent looks. So a tool sees a folder of ours with
links to the files (SQLite follows them, so that locks and journals are those of the browser).

A sandboxed program may also put links where its own files should be. Those are followed only as
far as its own home: else it could have us write what it may not write itself.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agent.host.tls.store import StoreError

DATABASE_FILE: Final = "cert9.db"
KEYS_FILE: Final = "key4.db"
DATABASE_FILES: Final = (DATABASE_FILE, KEYS_FILE)
"""What a database consists of, for a tool that loads no modules."""


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder that only this user's programs outside of sandboxes see; blocks.

    Raises:
        StoreError: there is no room for one.

    """
    try:
        made = tempfile.TemporaryDirectory(prefix="ankong-nss-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StoreError(f"no temporary folder: {error}") from error
    with made as folder:
        yield Path(folder)


@contextmanager
def without_modules(folder: Path, home: Path) -> Iterator[Path]:
    """Give the folder that a tool may use in the place of a database's own; blocks.

    Args:
        folder: of the database.
        home: the citizen's.

    Raises:
        StoreError: a link in it leads out of the sandbox, or there is no room for the folder.

    """
    if not stays_inside(folder, home):
        raise StoreError(f"{folder}: a link leads out of the sandbox")
    with own_folder() as shown:
        try:
            for name in DATABASE_FILES:
                (shown / name).symlink_to((folder / name).resolve())
        except (OSError, RuntimeError) as error:  # a circle of links
            raise StoreError(str(error)) from error
        yield shown


def stays_inside(folder: Path, home: Path) -> bool:
    """Return whether a database and its folder are where they seem to be, if in a sandbox."""
    sandbox = sandbox_of(folder, home)
    if sandbox is None:
        return True
    paths = (folder, *(folder / name for name in DATABASE_FILES))
    try:
        inside = sandbox.resolve()
        return all(path.resolve().is_relative_to(inside) for path in paths)
    except (OSError, RuntimeError):
        return False


def sandbox_of(folder: Path, home: Path) -> Path | None:
    """Return the folder that a Snap or Flatpak has for itself, if ``folder`` is in one."""
    for base in (home, home.resolve()):
        if folder.is_relative_to(base):
            match folder.relative_to(base).parts:
                case ("snap", name, *_):
                    return base / "snap" / name
                case (".var", "app", name, *_):
                    return base / ".var" / "app" / name
                case _:
                    pass
    return None

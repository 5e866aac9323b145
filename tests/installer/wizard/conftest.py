"""Make the wizard importable, as PyInstaller does; give it a program to install."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "installer" / "linux"))

from wizard.install_paths import ICON_SIZES, InstallPaths  # noqa: E402  # only now can it be found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return an empty home, with a name that has to be quoted everywhere."""
    folder = tmp_path / "王 小明's 100% $HOME"
    folder.mkdir()
    return folder


@pytest.fixture
def paths(home: Path) -> InstallPaths:
    return InstallPaths.of({}, home)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a frozen program: a script that says its name, data, a link, and pictures."""
    folder = tmp_path / "program"
    (folder / "_internal" / "icons").mkdir(parents=True)
    script = folder / "ankong"
    script.write_text('#!/bin/sh\necho "$@"\n')
    script.chmod(0o755)
    (folder / "_internal" / "data").write_bytes(bytes(3_000_000))
    (folder / "_internal" / "link").symlink_to("data")
    (folder / "_internal" / "empty").touch()
    for size in ICON_SIZES:
        (folder / "_internal" / "icons" / f"ankong-{size}.png").write_bytes(b"picture")
    return folder

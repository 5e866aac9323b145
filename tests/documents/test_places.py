"""A signed document that is saved once more: over what we saved, and over nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.documents import places


@pytest.fixture
def before(tmp_path: Path) -> Path:
    file = tmp_path / "before.signed"
    file.write_bytes(b"signed")
    return file


@pytest.fixture
def better(tmp_path: Path) -> Path:
    file = tmp_path / "better.signed"
    file.write_bytes(b"signed, with a timestamp")
    return file


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    file = tmp_path / "theirs" / "contract-signed.pdf"
    file.parent.mkdir()
    file.write_bytes(b"signed")
    return file


def test_what_is_there_still_is_replaced(better: Path, saved: Path, before: Path) -> None:
    assert places.save_again(better, saved, before)
    assert saved.read_bytes() == better.read_bytes()
    assert list(saved.parent.iterdir()) == [saved]


def changed(saved: Path) -> None:
    saved.write_bytes(b"a person's")


def gone(saved: Path) -> None:
    saved.unlink()


def linked(saved: Path) -> None:
    saved.replace(saved.with_name("moved.pdf"))
    saved.symlink_to("moved.pdf")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("while_copied", [False, True])
@pytest.mark.parametrize("change", [changed, gone, linked])
def test_what_is_another_by_now_is_left_alone(  # noqa: PLR0917  # fixtures
    change: Callable[[Path], None],
    while_copied: bool,
    better: Path,
    saved: Path,
    before: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = places._copy

    def copied(source: Path, target: Path) -> None:
        copy(source, target)
        change(saved)

    if while_copied:
        monkeypatch.setattr(places, "_copy", copied)
    else:
        change(saved)
    assert not places.save_again(better, saved, before)
    there = {each.read_bytes() for each in saved.parent.iterdir()}
    assert there <= {b"signed", b"a person's"}
    assert saved.is_symlink() == (change is linked)

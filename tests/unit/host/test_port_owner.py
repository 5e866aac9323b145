"""Who has a port, in words for people: the program, or its user, and never a question mark."""

import os
import sys
from pathlib import Path

import pytest

from agent.host.peer.port_owner import PortOwner, describe_owner, find_owner
from agent.words import SOURCE, Language

UID = os.geteuid() if hasattr(os, "geteuid") else 0
PORT = 61161

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="reads what Linux shows")


def listening(proc: Path, uid: int, inode: int = 4711) -> None:
    (proc / "net").mkdir(exist_ok=True)
    row = f"0: 0100007F:{PORT:04X} 00000000:0000 0A 0:0 00:0 0 {uid} 0 {inode} 1"
    (proc / "net" / "tcp").write_text(f"header\n{row}\nshort\n")


def holding(proc: Path, comm: bytes | None) -> None:
    (proc / "42" / "fd").mkdir(parents=True)
    (proc / "42" / "fd" / "3").symlink_to("socket:[4711]")
    if comm is not None:
        (proc / "42" / "comm").write_bytes(comm)


def test_where_the_system_tells_nothing_nobody_is_named(tmp_path: Path) -> None:
    assert find_owner(PORT, tmp_path) == PortOwner()
    assert describe_owner(PORT, tmp_path) is None
    listening(tmp_path, UID)
    assert find_owner(PORT + 1, tmp_path) == PortOwner()


@pytest.mark.parametrize(
    ("comm", "program"),
    [
        (b"node\n", "node"),
        (b"evil\x1b[2J\n", "evil\N{REPLACEMENT CHARACTER}[2J"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}txt".encode(), "\N{REPLACEMENT CHARACTER}txt"),
        (b"{user}{0}", "{user}{0}"),
        (b"\xff\xfe", None),
        (b"\n", None),
        (b"", None),
        (None, None),
    ],
    ids=["plain", "escape", "bidi", "braces", "no UTF-8", "line", "empty", "gone"],
)
def test_a_program_is_named_as_far_as_it_has_a_name(
    tmp_path: Path, comm: bytes | None, program: str | None
) -> None:
    listening(tmp_path, UID)
    holding(tmp_path, comm)
    assert find_owner(PORT, tmp_path) == PortOwner(program, 42, is_ours=True)


def test_of_a_program_that_is_not_shown_its_user_is_named(tmp_path: Path) -> None:
    listening(tmp_path, UID + 1 if UID else 65534)
    found = find_owner(PORT, tmp_path)
    assert (found.program, found.pid, found.is_ours) == (None, None, False)
    assert found.user
    assert found.user in (describe_owner(PORT, tmp_path) or "")


def test_a_user_without_a_name_has_a_number(tmp_path: Path) -> None:
    """A container's user, say: it is in no list of this computer."""
    listening(tmp_path, 3_999_999_999)
    assert find_owner(PORT, tmp_path) == PortOwner(user="3999999999", is_ours=False)


def test_ones_own_program_that_hides_is_said_to_be_ones_own(tmp_path: Path) -> None:
    listening(tmp_path, UID)
    assert find_owner(PORT, tmp_path) == PortOwner(is_ours=True)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("is_ours", [True, False, None])
@pytest.mark.parametrize("user", ["alice", None])
@pytest.mark.parametrize("pid", [7, None])
@pytest.mark.parametrize("program", ["node", None])
def test_it_is_said_in_every_language_without_a_question_mark(
    program: str | None, pid: int | None, user: str | None, is_ours: bool | None, language: Language
) -> None:
    owner = PortOwner(program if pid else None, pid, user if is_ours is False else None, is_ours)
    said = owner.words(language)
    assert said
    assert "?" not in said
    assert all(str(each) in said for each in (owner.program, owner.pid, owner.user) if each)


def test_each_owner_is_said_differently() -> None:
    owners = [
        *(PortOwner("node", 7, is_ours=True), PortOwner("node", 7, "alice", is_ours=False)),
        *(PortOwner("node", 7, is_ours=False), PortOwner(None, 7, is_ours=True)),
        *(PortOwner(None, 7, "alice", is_ours=False), PortOwner(None, 7, is_ours=False)),
        *(PortOwner(is_ours=True), PortOwner(user="alice", is_ours=False)),
        *(PortOwner(is_ours=False), PortOwner()),
    ]
    assert len({owner.words(SOURCE) for owner in owners}) == len(owners)

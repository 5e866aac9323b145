"""How a hosted Mac is made to trust an organisation's authority, with tools that are made up.

No Mac has run it: what is held here is that everything is taken back whatever happens, and that
what was not seen is not called seen.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from devkit import runners, trial
from devkit.mac_trust import NOT_SEEN, RIGHT, SECURITY, SEEN, run_tool, try_trust
from devkit.shell import SetupError

PROGRAM = Path("/Applications/Ankong.app/Contents/MacOS/ankong")
RULE = b"<plist>what it was</plist>"


class Mac:
    """A Mac whose right to trust and whose keychain are watched."""

    def __init__(self, *fails: str) -> None:
        self.fails = fails
        self.rule = RULE
        self.trusted = False
        self.asked: list[str] = []

    def __call__(self, command: Sequence[str], given: bytes) -> tuple[int, bytes]:
        words = [word for word in command if word not in {"sudo", "-n", SECURITY, str(PROGRAM)}]
        name = " ".join(words[:2])
        self.asked.append(name)
        if any(each in " ".join(words) for each in self.fails):
            return 1, b"it went wrong"
        match words:
            case ["setup", "authority", "--out", folder]:
                Path(folder).mkdir()
                Path(folder, "root.cer").write_bytes(b"certificate")
            case ["verify-cert", *_]:
                return (0 if self.trusted else 1), b""
            case ["authorizationdb", "read", right]:
                assert right == RIGHT
                return 0, self.rule
            case ["authorizationdb", "write", right, *rule]:
                assert right == RIGHT
                self.rule = rule[0].encode() if rule else given
            case ["add-trusted-cert", *_]:
                assert self.rule == b"allow"
                self.trusted = True
            case ["remove-trusted-cert", *_]:
                self.trusted = False
            case _:
                pass
        return 0, b""


def test_it_is_trusted_shared_and_all_of_it_taken_back() -> None:
    mac = Mac()
    assert try_trust(PROGRAM, mac) == SEEN
    assert (mac.rule, mac.trusted) == (RULE, False)
    assert mac.asked.count("setup machine") == 2


@pytest.mark.parametrize("refused", ["authorizationdb read", f"{RIGHT} allow", "add-trusted-cert"])
def test_a_mac_that_lets_nobody_in_is_told_of_and_fails_nothing(refused: str) -> None:
    mac = Mac(refused)
    assert try_trust(PROGRAM, mac) == NOT_SEEN
    assert (mac.rule, mac.trusted) == (RULE, False)
    assert "setup machine" not in mac.asked


@pytest.mark.parametrize("broken", ["setup authority", "--authority", "--undo"])
def test_what_ours_does_wrong_is_a_failure_and_leaves_nothing(broken: str) -> None:
    mac = Mac(broken)
    with pytest.raises(SetupError, match="ended with 1"):
        try_trust(PROGRAM, mac)
    assert (mac.rule, mac.trusted) == (RULE, False)


def test_trust_that_was_there_before_or_stays_is_a_failure() -> None:
    mac = Mac()
    mac.trusted = True
    with pytest.raises(SetupError, match="before anybody"):
        try_trust(PROGRAM, mac)
    with pytest.raises(SetupError, match="still trusted"):
        try_trust(PROGRAM, Mac("remove-trusted-cert"))


def test_a_tool_that_is_not_there_has_failed() -> None:
    assert run_tool(["/nowhere/security"], b"") == (127, b"")


def test_macs_alone_are_asked() -> None:
    assert [ending for ending, way in trial.WAYS.items() if try_trust in way.also] == [".pkg"]
    machines = runners.plan()["machines"]
    asked = [name for name, endings in machines.items() if ".pkg" in endings]
    assert asked
    assert all(re.match("macos-", name) for name in asked)

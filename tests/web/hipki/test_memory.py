"""What is remembered, for how long, and who holds a port."""

import socket
from pathlib import Path

import pytest

from agent.errors import AgentError, ErrorCode
from agent.origin import LOCAL_PROGRAM
from agent.web.hipki.hipki_mount import HIPKI
from agent.web.hipki.pages import possible_sites
from agent.web.hipki.tokens import PageKind, PageTokens
from tests.web.hipki.rig import Rig


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_tokens_grow_old() -> None:
    clock = Clock()
    tokens = PageTokens(clock)
    popup, self_test = tokens.issue(PageKind.POPUP), tokens.issue(PageKind.SELF_TEST)
    clock.now += 601
    assert tokens.prove(self_test).kind is PageKind.SELF_TEST
    with pytest.raises(AgentError) as error:
        tokens.prove(popup)
    assert error.value.code is ErrorCode.ORIGIN_NOT_ALLOWED


def test_a_spent_token_stays_spent_in_another_spelling() -> None:
    tokens = PageTokens()
    text = tokens.issue(PageKind.POPUP)
    tokens.spend(tokens.prove(text))
    with pytest.raises(AgentError):
        tokens.spend(tokens.prove(text.replace("=", "") + "=" * text.count("=") + "="))


@pytest.mark.parametrize(
    ("domain", "origins"),
    [
        ("a.example", ["https://a.example", "http://a.example"]),
        ("a.example:8080", ["https://a.example:8080", "http://a.example:8080"]),
        ("HTTPS://A.example", ["https://a.example"]),
        ("", [str(LOCAL_PROGRAM)]),
        ("a b", []),
        ("javascript:alert(1)", []),
        ("<script>", []),
        ("local://program", []),
    ],
)
def test_only_sites_can_be_trusted(domain: str, origins: list[str]) -> None:
    assert [str(site) for site in possible_sites(domain, LOCAL_PROGRAM)] == origins


def test_who_holds_the_port_is_named() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with Rig(port=port) as rig:
            assert rig.serving.port  # the native API runs all the same
            assert rig.serving.others[HIPKI].port is None
            error = rig.serving.others[HIPKI].problem
    assert error is not None
    assert str(port) in error
    if Path("/proc/net/tcp").exists():
        import os

        assert f"(pid {os.getpid()})" in error

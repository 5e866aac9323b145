"""make demo SITE=1 CHECK=1 fails wherever the server has not verified the login."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.portal.demo import site_check
from agent.portal.demo.check import CheckContext
from agent.portal.demo.children import DemoError
from agent.portal.demo.programs import Ports
from agent.portal.demo.site_check import check_site

NAME = "王測試"
ACCOUNT = "5c" * 32
GOOD: dict[str, Any] = {
    "#name": NAME,
    "#account": ACCOUNT,
    "#welcome": f"Welcome, {NAME}",
    "before": (401, None),
    "after": (200, {"account": ACCOUNT}),
    "again": (400, {"code": "challenge_used"}),
    "at the end": (200, {"account": ACCOUNT}),
}


class StubPage:
    """A page on which everything happens at once, and a server that says what a test wants."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.asked = iter(("before", "after", "again", "at the end"))
        self.context = SimpleNamespace(clear_cookies=lambda: None)

    def inner_text(self, selector: str) -> str:
        return str(self.told[selector])

    def evaluate(self, _script: str, _words: object) -> dict[str, Any]:
        status, content = self.told[next(self.asked)]
        return {"status": status, "content": content}

    @contextmanager
    def expect_request(self, _pattern: str) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(value=SimpleNamespace(post_data="{}"))

    def __getattr__(self, _name: str) -> Any:
        return lambda *_words, **_more: None


def _check(monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]) -> None:
    @contextmanager
    def open_browser(_context: CheckContext) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(new_page=lambda **_wanted: StubPage(told))

    monkeypatch.setattr(site_check, "open_browser", open_browser)
    nothing = Path("nowhere")
    context = CheckContext(
        "http://localhost/", nothing, nothing, lambda: None, lambda: None, lambda _step: None
    )
    check_site(context, NAME, Ports(1, 2))


def test_a_verified_login_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    _check(monkeypatch, GOOD)


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        ("2", {"before": (200, {"account": ACCOUNT})}),
        ("4", {"#name": "somebody else"}),
        ("4", {"#account": "of the page alone"}),
        ("4", {"after": (401, None)}),
        ("4", {"#account": "", "after": (200, {"account": ""})}),
        ("5", {"again": (200, {"name": NAME})}),
        ("6", {"#welcome": "Welcome, undefined"}),
        ("6", {"at the end": (401, None)}),
    ],
    ids=["known", "name", "page", "unknown", "empty", "replayed", "plain", "forgotten"],
)
def test_anything_else_fails_and_names_its_step(
    monkeypatch: pytest.MonkeyPatch, step: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(DemoError, match=f"^step {step} "):
        _check(monkeypatch, GOOD | wrong)

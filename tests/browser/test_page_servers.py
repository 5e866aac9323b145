"""The example page, unchanged, under the servers that the page kit's README names."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agent.kits.vectors.__main__ import FOLDER
from agent.portal.demo.programs import free_port
from tests.browser.kit_site import EXAMPLES, SDK
from tests.kits import site_programs
from tests.kits.kit_support import build
from tests.kits.list_server import serving
from tests.kits.site_programs import running_program
from tests.kits.test_language_examples import running

pytestmark = pytest.mark.browser
POLICY = (EXAMPLES / "headers.txt").read_text("utf-8").strip()
SETTINGS = {"PAGE": str(EXAMPLES), "PAGE_KIT": str(SDK)}
FAKE = """async () => {
    const { FakeAnkong } = await import("/sdk/fake.js");
    const agent = new FakeAnkong({ card: { pin: "123456" } });
    for (const name of ["ankong-status", "ankong-button"]) {
        document.querySelector(name).agent = agent;
    }
}"""


@contextmanager
def _in_node(folder: Path) -> Iterator[int]:
    port = free_port()
    settings = {"ANKONG_ORIGIN": f"http://localhost:{port}", "PORT": str(port), **SETTINGS}
    with running(build("node", "examples/server", folder), **settings):
        yield port


@contextmanager
def _in_flask(folder: Path) -> Iterator[int]:
    port = free_port()
    changed = {
        "ORIGIN": f"http://localhost:{port}",
        "COMMANDS": {"page": ("gunicorn", f"--bind=127.0.0.1:{port}", "--threads=4", "server:app")},
    }
    path = os.pathsep.join([str(EXAMPLES), os.environ.get("PYTHONPATH", "")])
    with ExitStack() as stack:
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        for name, content in changed.items():
            patched.setattr(site_programs, name, content)
        patched.setenv("PYTHONPATH", path)
        patched.setenv("PAGE_KIT", str(SDK))
        lists = stack.enter_context(serving(FOLDER))
        yield stack.enter_context(running_program("page", folder, lists)).port


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(_in_node, id="node"),
        pytest.param(
            _in_flask,
            id="flask",
            marks=[
                pytest.mark.kit,  # in the gate, the demo of the site has it
                pytest.mark.skipif(sys.platform != "linux", reason="gunicorn needs fork"),
            ],
        ),
    ],
)
def test_the_page_logs_in_under_the_policy_that_the_readme_says(
    page: Page, tmp_path: Path, server: Callable[[Path], AbstractContextManager[int]]
) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
    with server(tmp_path) as port:
        answer = page.goto(f"http://localhost:{port}/")
        assert answer is not None
        assert answer.header_value("content-security-policy") == POLICY
        page.wait_for_function("() => customElements.get('ankong-button')")
        faults.clear()  # nobody answers at the usual ports before the fake is there
        page.evaluate(FAKE)
        page.get_by_role("button", name="Log in with your citizen card").click()
        expect(page.locator("#welcome")).to_have_text("Welcome, 測試假人")
        assert [each for each in faults if "ERR_CONNECTION_REFUSED" not in each] == []
        missing = page.request.get(f"http://localhost:{port}/sdk/package.json")
        assert missing.status == 404

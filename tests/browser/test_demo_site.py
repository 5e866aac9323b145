"""make demo SITE=1: a login without a line written, which the server has verified."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agent.portal.demo.programs import USUAL_PORTS, Ports
from agent.portal.demo.site import COPIED
from agent.portal.demo.site_server import PAGES, ROOT, USUAL, DemoSite, bind
from tests.browser.test_demo import _descendants, _is_alive, _read_until

pytestmark = pytest.mark.browser
DEMO = [sys.executable, "-m", "agent.portal.demo.site"]
ELSEWHERE = Ports(40001, 40002)


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY"}}


def test_the_check_ends_well_where_the_server_verified_the_login(
    needs_chromium: None, tmp_path: Path
) -> None:
    del needs_chromium
    command = [*DEMO, "--check", "--shots", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, named, last = done.stdout.splitlines()
    steps = [line.split()[2] for line in lines if line.startswith("· step ")]
    assert steps == [*map(str, range(1, 7))]
    assert named == f"screenshots: {tmp_path}"
    assert re.fullmatch(r"login ok: the server verified 王測試 in \d+\.\d s", last)
    assert {path.name for path in tmp_path.iterdir()} == {
        *(f"site-{name}.png" for name in ("open", "verified", "plain"))
    }


def test_a_person_is_told_what_to_do_and_nothing_is_left(tmp_path: Path) -> None:
    command = [*DEMO, "--state-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=_environment()) as demo:
        try:
            shown = _read_until(demo, "└")
            (address,) = set(re.findall(r"http://localhost:\d+/(?=\s)", shown))
            assert "246813" in shown
            assert all(path in shown for _, path in COPIED)
            with closing(HTTPConnection(urlsplit(address).netloc, timeout=20)) as site:
                site.request("GET", "/")
                assert b"246813" in site.getresponse().read()
            children = _descendants(demo.pid)
            assert len(children) >= 3  # guard, agent, site
        finally:
            demo.send_signal(signal.SIGINT)
    assert demo.returncode == 0
    deadline = time.monotonic() + 20
    while any(map(_is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in children if _is_alive(pid)]


def test_each_file_that_is_named_is_there() -> None:
    for _, text in COPIED:
        first, *more = text.split(" · ")
        folder = (ROOT / first).parent
        found = [folder.glob(Path(first).name), *((folder / each,) for each in more[:3])]
        if "README" not in text:
            assert all(path.is_file() for each in found for path in each)
        else:
            assert all((ROOT / each).is_file() for each in (first, *more))


@pytest.fixture
def issuer(tmp_path: Path) -> Path:
    for name in ("root.crl", "ca.crl"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def _asked(site: DemoSite, path: str) -> tuple[str, dict[str, str], bytes]:
    told: list[tuple[str, dict[str, str]]] = []
    content = site({"PATH_INFO": path}, lambda status, found: told.append((status, dict(found))))
    return (*told[-1], b"".join(content))


def test_at_the_usual_ports_the_page_and_the_policy_are_everybodys(issuer: Path) -> None:
    site = DemoSite(issuer, "1", USUAL)
    assert _asked(site, "/demo/ports.js")[2] == b""
    policy = (PAGES / "headers.txt").read_text("utf-8").strip()
    assert _asked(site, "/")[1]["Content-Security-Policy"] == policy


def test_elsewhere_they_name_the_agents_own_ports(issuer: Path) -> None:
    site = DemoSite(issuer, "1", ELSEWHERE)
    site.site = lambda _environ, start: (
        start("200 OK", [("Content-Security-Policy", "connect-src 'none'")]) or []
    )
    assert b"[40001], pingPort: 40002" in _asked(site, "/demo/ports.js")[2]
    for path in ("/", "/plain.html"):
        policy = _asked(site, path)[1]["Content-Security-Policy"]
        assert "wss://localhost:40001" in policy
        assert "http://localhost:40002" in policy
        assert not any(f":{port}" in policy for port in USUAL_PORTS)


def test_before_the_site_is_there_only_lists_and_page_are(issuer: Path) -> None:
    site = DemoSite(issuer, "1", USUAL)
    assert _asked(site, "/lists/ca.crl")[2] == b"ca.crl"
    for path in ("/login", "/lists/ca.key", "/lists/../ca.crl", "/demo/"):
        assert _asked(site, path)[0] == "503 Service Unavailable"


def test_a_port_that_another_program_has_is_left_to_it(issuer: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = other.getsockname()[1]
        with bind(taken, DemoSite(issuer, "1", USUAL)) as server:
            assert server.server_port not in {0, taken}

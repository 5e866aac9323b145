"""What browsers really do with the policies of our pack, and with two recipes that look right.

The policies lie in a folder that stands in the place of ``/etc`` for the browser alone, in a mount
namespace of its own; nothing is changed on this computer. Each row of the table in
``agent/host/browser_policy/pack.py`` and ``installer/README.md`` is one of these tests.
"""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from agent import cli
from agent.portal.demo import browser as demo_browser
from tests.browser.firefox.marionette import Firefox, find_firefox
from tests.browser.public_site import PublicSite, self_signed, serve
from tests.browser.world import TIMEOUT

pytestmark = pytest.mark.browser
PORTAL, BELOW, OTHER = "portal.test", "www.agency.test", "other.test"
HOSTS = (OTHER, PORTAL, BELOW)
"""In this order: where a window has opened, Firefox asks nothing in the page behind it."""
NAMES = ", ".join(f"MAP {host} 127.0.0.1" for host in HOSTS)
OK, REFUSED, ASKS = "ok", "refused", "asks"
OPENS, BLOCKED = True, False
Verdicts = Mapping[str, tuple[str, bool]]
"""Of each host: what becomes of a page's request, and whether its window opens without a click."""
PAGE = """<!doctype html><meta charset="utf-8"><title>A site</title><script>
window.answer = "";
window.opened = window.open("http://localhost:%(port)d/window") !== null;
fetch("http://localhost:%(port)d/asked-by-" + location.hostname)
  .then(() => { answer = "ok"; }, () => { answer = "refused"; });
</script>"""
INSTEAD_OF_ETC = 'mount --bind "$1" /etc && shift && exec "$@"'
ASKED = """return [...Services.wm.getEnumerator("navigator:browser")].some((each) =>
  each.PopupNotifications.getNotification("loopback-network", each.gBrowser.selectedBrowser))"""
SETTING_UP = """
Services.prefs.setBoolPref("dom.disable_open_during_load", true);  // which tests switch off
Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService)
  .setDisableAllSecurityChecksAndLetAttackersInterceptMyData(true);"""


@dataclass
class Here:
    """A program on this computer, in the agent's place.

    Attributes:
        port: where it listens.
        asked: the paths that pages asked for.

    """

    port: int
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    """Answer every page of every site."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Here(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def site(here: Here, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicSite]:
    """Serve a page under several names."""
    site = PublicSite(PAGE % {"port": here.port})
    with serve(site, self_signed(tmp_path_factory.mktemp("site"), *HOSTS)):
        yield site


@pytest.fixture(scope="module", autouse=True)
def needs_a_namespace() -> None:
    """Skip where ``/etc`` cannot be stood in for."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("root is needed: policies are put in place in a mount namespace")
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespaces here: /etc cannot be stood in for")


@pytest.fixture(scope="module")
def pack(site: PublicSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the pack for two sites, as an administrator does."""
    folder = tmp_path_factory.mktemp("pack")
    port = port_of(site)
    sites = f"https://{PORTAL}:{port}\nhttps://*.agency.test:{port}\n"
    (folder / "sites.txt").write_text(sites)
    given = {"policies": {"DisableAppUpdate": True, "PopupBlocking": {"Default": True}}}
    (folder / "own.json").write_text(json.dumps(given))
    words = ["policy", "browsers", "--sites", folder / "sites.txt", "--out", folder / "pack"]
    assert cli.run([*map(str, words), "--merge", str(folder / "own.json")]) == 0
    return folder / "pack"


def port_of(site: PublicSite) -> int:
    return int(site.origin.rpartition(":")[2])


def with_etc(folder: Path, file: str, content: bytes) -> list[str]:
    """Return the words before a program for which ``/etc`` has this file too."""
    subprocess.run(["cp", "-a", "/etc", str(folder)], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(folder / "etc" / "chromium" / "policies", ignore_errors=True)
    path = folder / "etc" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return ["unshare", "--mount", "sh", "-c", INSTEAD_OF_ETC, "sh", str(folder / "etc")]


# Chromium.


@contextmanager
def program(folder: Path, before: list[str]) -> Iterator[str]:
    """Give a Chromium with words before it the form of a program."""
    path = demo_browser.find_chromium()
    if path is None:
        pytest.skip("chromium is needed")
    script = folder / "chromium"
    quoted = " ".join(f"'{word}'" for word in [*before, path])
    script.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n')
    script.chmod(0o700)
    yield str(script)


def in_chromium(site: PublicSite, folder: Path, policies: bytes) -> Verdicts:
    """Open the page under each name in a Chromium with these policies."""
    before = with_etc(folder, "chromium/policies/managed/ankong.json", policies)
    found = {}
    with program(folder, before) as path, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                *demo_browser.sandbox_flags(),
                f"--host-resolver-rules={NAMES}",
                f"--ip-address-space-overrides=127.0.0.1:{port_of(site)}=public",
            ],
            ignore_default_args=["--disable-popup-blocking"],
            env={**os.environ, **demo_browser.environment(folder)},
        )
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(TIMEOUT)
        for host in HOSTS:
            page = context.new_page()
            page.goto(f"https://{host}:{port_of(site)}")
            page.wait_for_function("() => window.answer")
            found[host] = page.evaluate("() => [window.answer, window.opened]")
        browser.close()
    return {host: (answer, opened) for host, (answer, opened) in found.items()}


def test_chromium_lets_no_page_in_without_a_policy(site: PublicSite, tmp_path: Path) -> None:
    found = in_chromium(site, tmp_path, b"{}")
    assert found == dict.fromkeys(HOSTS, (REFUSED, BLOCKED))


def test_chromium_lets_the_sites_of_the_pack_in_and_no_other(
    site: PublicSite, here: Here, pack: Path, tmp_path: Path
) -> None:
    here.asked.clear()
    policies = (pack / "chrome-linux.json").read_bytes()
    found = in_chromium(site, tmp_path, policies)
    assert found == {PORTAL: (OK, OPENS), BELOW: (OK, OPENS), OTHER: (REFUSED, BLOCKED)}
    assert f"/asked-by-{OTHER}" not in here.asked
    assert (pack / "edge-linux.json").read_bytes() == policies


def test_the_older_policy_alone_lets_them_in_too(
    site: PublicSite, pack: Path, tmp_path: Path
) -> None:
    name = "LocalNetworkAccessAllowedForUrls"
    policies = json.loads((pack / "chrome-linux.json").read_bytes())
    found = in_chromium(site, tmp_path, json.dumps({name: policies[name]}).encode())
    assert found == {PORTAL: (OK, BLOCKED), BELOW: (OK, BLOCKED), OTHER: (REFUSED, BLOCKED)}


def test_chromium_opens_no_window_for_a_list_that_names_this_computer(
    site: PublicSite, here: Here, tmp_path: Path
) -> None:
    policies = {"PopupsAllowedForUrls": [f"http://localhost:{here.port}"]}
    found = in_chromium(site, tmp_path, json.dumps(policies).encode())
    assert found == dict.fromkeys(HOSTS, (REFUSED, BLOCKED))


# Firefox.


def in_firefox(site: PublicSite, folder: Path, policies: bytes) -> Verdicts:
    """Open the page under each name in a Firefox with these policies."""
    if find_firefox() is None:
        pytest.skip("firefox is needed")
    before = with_etc(folder, "firefox/policies/policies.json", policies)
    profile = folder / "profile"
    profile.mkdir()
    public = f"127.0.0.1:{port_of(site)}"
    preferences: dict[str, Any] = {
        "network__dns__localDomains": ",".join(HOSTS),
        "network__lna__address_space__public__override": public,
    }
    found = {}
    with Firefox(profile, before, **preferences) as firefox:
        firefox.call("Marionette:SetContext", value="chrome")
        firefox.run(SETTING_UP)
        for host in HOSTS:
            firefox.call("Marionette:SetContext", value="content")
            firefox.go(f"https://{host}:{port_of(site)}")
            opened = firefox.run("return window.opened")
            found[host] = (verdict(firefox), opened)
    return found


def verdict(firefox: Firefox) -> str:
    """Wait until the page has its answer, or the person at the browser is asked."""
    end = time.monotonic() + TIMEOUT / 1000
    while time.monotonic() < end:
        firefox.call("Marionette:SetContext", value="content")
        answer: str = firefox.run("return window.answer")
        if answer:
            return answer
        firefox.call("Marionette:SetContext", value="chrome")
        if firefox.run(ASKED):
            return ASKS
        time.sleep(0.05)
    raise AssertionError("neither answered nor asked")


def test_firefox_asks_about_every_page_without_a_policy(site: PublicSite, tmp_path: Path) -> None:
    found = in_firefox(site, tmp_path, b'{"policies": {}}')
    assert found == dict.fromkeys(HOSTS, (ASKS, BLOCKED))


def test_firefox_lets_the_sites_of_the_pack_in_and_asks_about_others(
    site: PublicSite, here: Here, pack: Path, tmp_path: Path
) -> None:
    here.asked.clear()
    policies = (pack / "firefox" / "policies.json").read_bytes()
    found = in_firefox(site, tmp_path, policies)
    assert found == {PORTAL: (OK, OPENS), BELOW: (OK, OPENS), OTHER: (ASKS, BLOCKED)}
    assert f"/asked-by-{OTHER}" not in here.asked
    assert json.loads(policies)["policies"]["DisableAppUpdate"] is True


def test_this_computer_among_firefoxs_domains_lets_every_page_in(
    site: PublicSite, here: Here, tmp_path: Path
) -> None:
    policies = {
        "LocalNetworkAccess": {"SkipDomains": ["localhost"]},
        "PopupBlocking": {"Allow": [f"http://localhost:{here.port}"]},
    }
    found = in_firefox(site, tmp_path, json.dumps({"policies": policies}).encode())
    assert found == dict.fromkeys(HOSTS, (OK, BLOCKED))

"""A leaf for anybody else, signed before the authority's key dies, is worth nothing anywhere.

Each judge also sees the same leaf from an authority without constraints: that one it accepts, so
that it is the constraint that is tested and nothing else.
"""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from playwright.sync_api import Browser, Error

from agent.host.tls import authority as authority_module
from agent.host.tls.authority import NAMES, Leaf, LocalAuthority
from agent.host.tls.chromium import ChromiumStore
from agent.host.tls.machine import Machine
from agent.host.tls.store import AuthorityFile, Presence
from tests.browser.tls.conftest import Names, Serve, new_home, save_authority
from tests.browser.world import chromium

ROGUES: dict[str, Names] = {
    "example.com": [x509.DNSName("example.com")],
    "localhost.example.com": [x509.DNSName("localhost.example.com")],
    "192.0.2.1": [x509.IPAddress(IPv4Address("192.0.2.1"))],
    "127.0.0.2": [x509.IPAddress(IPv4Address("127.0.0.2"))],
}
MIXED = "example.com"  # beside localhost, in one leaf


class Unconstrained(LocalAuthority):
    """What our authority would be without its constraints."""

    def __init__(self, now: datetime) -> None:
        with pytest.MonkeyPatch.context() as patch:
            free = x509.NameConstraints(
                permitted_subtrees=None, excluded_subtrees=[x509.DNSName("excluded.example")]
            )
            patch.setattr(authority_module, "CONSTRAINTS", free)
            super().__init__(now)


def leaf(authority: LocalAuthority, names: Names) -> Leaf:
    return authority.leaf(authority.certificate.not_valid_before_utc, names)


# Python, and OpenSSL's own client: what is wrong, or nothing.


def python_says(trusted: Path, port: int, name: str) -> str:
    context = ssl.create_default_context(cafile=str(trusted))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        try:
            context.wrap_socket(plain, server_hostname=name).close()
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""


def openssl_says(trusted: Path, port: int, name: str) -> str:
    option = "-verify_ip" if name[0].isdigit() else "-verify_hostname"
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-verify_return_error"]
    command += ["-CAfile", str(trusted), option, name]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode() if done.returncode else ""


JUDGES = [python_says]
if shutil.which("openssl") is not None:
    JUDGES.append(openssl_says)


@dataclass(frozen=True)
class Pair:
    """Our authority, and the same one without its constraints."""

    ours: LocalAuthority
    free: LocalAuthority


@pytest.fixture(scope="module")
def pair() -> Pair:
    now = datetime.now(UTC)
    return Pair(LocalAuthority(now), Unconstrained(now))


@pytest.mark.parametrize("says", JUDGES)
@pytest.mark.parametrize("name", ROGUES)
def test_python_and_openssl_refuse_it(
    says: Callable[[Path, int, str], str], name: str, pair: Pair, serve: Serve, tmp_path: Path
) -> None:
    free = save_authority(tmp_path, pair.free)
    assert not says(free, serve(leaf(pair.free, ROGUES[name])), name)
    ours = save_authority(tmp_path, pair.ours)
    assert not says(ours, serve(leaf(pair.ours, NAMES)), "localhost")
    assert "permitted subtree violation" in says(ours, serve(leaf(pair.ours, ROGUES[name])), name)


# Chromium.


@contextmanager
def trusting(home: Path, path: Path) -> Iterator[Browser]:
    """Start a Chromium that trusts an authority, by the store that is shipped."""
    machine = Machine(home=new_home(home), platform="linux", environment={})
    store = ChromiumStore(machine)
    (place,) = store.install(AuthorityFile.load(path), lambda _: None)
    assert place.presence is Presence.TRUSTED
    # Every name leads to this computer: what a hostile network would arrange.
    with chromium(home, "--host-resolver-rules=MAP * 127.0.0.1") as browser:
        yield browser


def chromium_says(browser: Browser, name: str, port: int) -> str:
    """Open a page; give its title, or Chromium's name for what is wrong."""
    page = browser.new_page()
    try:
        page.goto(f"https://{name}:{port}/")
        return page.title()
    except Error as error:
        return next(word for word in error.message.split() if word.startswith("net::"))
    finally:
        page.close()


@pytest.mark.browser
@pytest.mark.usefixtures("needs_chromium")
def test_chromium_refuses_it(pair: Pair, serve: Serve, tmp_path: Path) -> None:
    path = save_authority(tmp_path, pair.ours)
    mixed = leaf(pair.ours, [*NAMES, x509.DNSName(MIXED)])
    with trusting(tmp_path / "home", path) as browser:
        good = serve(leaf(pair.ours, NAMES))
        for name in ("localhost", "127.0.0.1"):
            assert chromium_says(browser, name, good) == "reached"
        for name in ("example.com", "192.0.2.1"):
            said = chromium_says(browser, name, serve(leaf(pair.ours, ROGUES[name])))
            assert said == "net::ERR_CERT_INVALID", name
        for name in (MIXED, "localhost"):  # one foreign name spoils the whole leaf
            assert chromium_says(browser, name, serve(mixed)) == "net::ERR_CERT_INVALID"
    with trusting(tmp_path / "free", save_authority(tmp_path, pair.free)) as browser:
        for name in ("example.com", "192.0.2.1"):
            port = serve(leaf(pair.free, ROGUES[name]))
            assert chromium_says(browser, name, port) == "reached", name

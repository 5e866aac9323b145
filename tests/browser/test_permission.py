"""A portal on the public network: the browser stands between its page and the agent, and asks."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.open_portal import start_open_portal
from tests.browser.public_site import HOST, self_signed, set_permission
from tests.browser.world import TIMEOUT, World, chip, chromium, go, register

pytestmark = pytest.mark.browser


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry octets one way until one side is gone."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def tls_front(listener: socket.socket, pem: Path, port: int) -> Iterator[None]:
    """Speak TLS on ``listener`` for the plain server on ``port``, as a site's front end would."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    threads: list[threading.Thread] = []
    open_ends: list[socket.socket] = []

    def serve(plain: socket.socket) -> None:
        with (
            suppress(OSError),
            context.wrap_socket(plain, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", port)) as inside,
        ):
            open_ends.extend((outside, inside))
            back = threading.Thread(target=pump, args=(inside, outside))
            back.start()
            pump(outside, inside)
            back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=(listener.accept()[0],)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()
        for end in open_ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def secure_site(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a portal that is reached by https under a name."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"https://{HOST}:{listener.getsockname()[1]}"
        port = world.programs.start_portal("secure-portal", "--origin", origin)
        with tls_front(listener, self_signed(tmp_path_factory.mktemp("tls")), port):
            yield origin


@pytest.fixture(scope="module")
def insecure_site(world: World) -> str:
    """Start a portal that is reached by plain http under a name."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin = f"http://{HOST}:{port}"
    start_open_portal(world, "open-portal", port, origin)
    return origin


@contextmanager
def public_page(world: World, origin: str) -> Iterator[Page]:
    """Open a member's page of a site that, for the browser, is on the public network."""
    address = f"127.0.0.1:{origin.rpartition(':')[2]}"
    flags = (
        f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
        f"--ip-address-space-overrides={address}=public",
    )
    with chromium(world.home, *flags) as browser:
        context = browser.new_context(locale="zh-TW", ignore_https_errors=True)
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        register(page, f"{origin}/")
        yield page


def test_before_a_click_nothing_is_sent_and_a_denial_is_told(
    agent: World, secure_site: str
) -> None:
    agent.start_agent()
    with public_page(agent, secure_site) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        go(page, "upgrade/component")
        sign = chip(page, "not_running", "permission_prompt")
        expect(sign).to_contain_text("等候瀏覽器許可")
        assert not [url for url in asked if "//localhost:" in url]
        page.click("#chip-button")
        page.click("#chip-help .button.primary")  # headless, the browser denies by itself
        expect(chip(page, "not_running", "permission_denied")).to_contain_text("未允許連線")
        assert [url for url in asked if "//localhost:" in url]


def test_a_denied_permission_is_told_and_a_granted_one_noticed(
    agent: World, secure_site: str
) -> None:
    agent.start_agent()
    with public_page(agent, secure_site) as page:
        set_permission(page, secure_site, "denied")
        go(page, "upgrade/component")
        expect(chip(page, "not_running", "permission_denied")).to_contain_text("未允許連線")
        set_permission(page, secure_site, "granted")
        chip(page, "running")


def test_a_granted_permission_needs_no_click(agent: World, secure_site: str) -> None:
    with public_page(agent, secure_site) as page:
        set_permission(page, secure_site, "granted")
        go(page, "upgrade/component")
        chip(page, "not_running", "not_installed")
        agent.start_agent()
        chip(page, "running")


def test_a_page_without_https_is_told_what_is_wrong(agent: World, insecure_site: str) -> None:
    agent.start_agent()
    with public_page(agent, insecure_site) as page:
        go(page, "upgrade/component")
        sign = chip(page, "not_running", "permission_denied")
        expect(sign).to_contain_text("網頁未加密")

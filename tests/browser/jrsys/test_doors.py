"""Which page reaches the agent at which port, as a browser has it."""

import pytest

from agent.consent.questions import AllowSite
from tests.browser.jrsys.conftest import CardFactory, OpenPage
from tests.browser.jrsys.own_agent import OwnAgent

pytestmark = pytest.mark.browser


def test_both_kinds_of_pages_are_heard_at_every_port(
    make_card: CardFactory, agent: OwnAgent, open_page: OpenPage
) -> None:
    agent.put(make_card())
    assert agent.card is not None
    for secure in (True, False):
        kind = "jrsys_tls_ports" if secure else "jrsys_ports"
        for port in agent.facts[kind]:
            page = open_page(secure=secure, tls=port, plain=port)
            assert page.newer("GetComVersion")["message"] == "3.0.2.0"
            assert page.older("isGCACardPresent")["message"] is True
            assert page.p11("GetSmartCardSnP11")["message"] == agent.card.data.serial
            assert isinstance(agent.windows.last(), AllowSite)
            assert str(agent.windows.last().site) == page.origin
    assert agent.windows.kinds() == ["AllowSite"] * 4


def test_a_page_of_https_is_refused_at_a_port_without_tls(
    agent: OwnAgent, open_page: OpenPage
) -> None:
    page = open_page(**{"as": "http:"})
    page.start_newer("GetComVersion")
    page.page.wait_for_function("document.querySelector('#bar').textContent === 'not connected'")
    page.start_older("Version")
    page.page.wait_for_function("older.offered === 1")
    assert page.told == 0
    assert agent.windows.kinds() == []


@pytest.mark.parametrize("answer", ["denied", "prompt"])  # headless, an open question is a no
def test_a_page_that_the_browser_keeps_out_is_not_heard(open_page: OpenPage, answer: str) -> None:
    page = open_page(reach=answer)
    page.start_newer("GetComVersion")
    page.page.wait_for_function("document.querySelector('#bar').textContent === 'not connected'")
    assert page.told == 0


def test_a_page_of_no_site_is_refused(agent: OwnAgent, open_page: OpenPage) -> None:
    page = open_page()
    # A frame in a sandbox has the origin "null".
    found = page.page.evaluate(
        """(address) => new Promise((resolve) => {
            addEventListener("message", (event) => resolve(event.data));
            const frame = document.createElement("iframe");
            frame.sandbox = "allow-scripts";
            frame.srcdoc = `<script>
                const socket = new WebSocket("${address}");
                socket.onopen = () => parent.postMessage("open", "*");
                socket.onerror = () => parent.postMessage("refused", "*");
            </script>`.replace("</script>", "<" + "/script>");
            document.body.append(frame);
        })""",
        f"wss://127.0.0.1:{agent.tls}/",
    )
    assert found == "refused"
    assert agent.windows.kinds() == []

"""The native API in Firefox: what its policy file does, and what a page is told without it."""

import base64
import socket
from pathlib import Path

import pytest

from agent.cms.verify import verify
from tests.browser.firefox.conftest import with_policy
from tests.browser.firefox.marionette import Firefox
from tests.browser.open_portal import start_open_portal
from tests.browser.public_site import PAGE, PublicSite, serve
from tests.browser.test_service_worker import source
from tests.browser.world import PIN, World

pytestmark = pytest.mark.browser
CONNECTED = """
    const [tls, ping] = arguments;
    const sdk = await import("/sdk/ankong.js");
    window.agent = new sdk.Ankong({ ports: [tls], pingPort: ping });
    window.seen = [];
    agent.watch(({ state, reason }) => seen.push(reason ?? state));
"""


ALLOW = """
    const ssm = Services.scriptSecurityManager;
    const site = ssm.createContentPrincipalFromOrigin(arguments[0]);
    Services.perms.addFromPrincipal(site, "loopback-network", Services.perms.ALLOW_ACTION);
"""


def open_site(firefox: Firefox, world: World, site: str = "") -> None:
    """Open a page of another origin, which watches the agent."""
    firefox.go(site or world.url)
    ports = [world.programs.ports.tls, world.programs.ports.ping]
    firefox.run(f"return (async function() {{ {CONNECTED} }}).apply(null, arguments)", *ports)


def test_the_policy_lets_a_page_reach_the_agent_and_sign(
    trusting_firefox: Firefox, agent: World, generation: str
) -> None:
    agent.start_agent(agent.card(generation))
    open_site(trusting_firefox, agent)
    trusting_firefox.wait_for("return seen.includes('running')")
    signed = trusting_firefox.run(
        """return (async (pin) => {
            await agent.connect();
            return (await agent.sign({ data: "簽章", format: "cms", pin })).signature;
        })(...arguments)""",
        PIN,
    )
    assert verify(base64.b64decode(signed)).content == "簽章".encode()


def test_the_profile_lets_a_page_reach_the_agent(knowing_firefox: Firefox, agent: World) -> None:
    agent.start_agent()
    open_site(knowing_firefox, agent)
    knowing_firefox.wait_for("return seen.includes('running')")


def test_without_either_the_page_says_what_is_wrong(firefox: Firefox, agent: World) -> None:
    agent.start_agent()
    open_site(firefox, agent)
    firefox.wait_for("return seen.includes('certificate_not_trusted')")
    assert not firefox.run("return seen.includes('running')")


def test_an_agent_that_starts_and_ends_is_noticed(trusting_firefox: Firefox, agent: World) -> None:
    open_site(trusting_firefox, agent)
    trusting_firefox.wait_for("return seen.includes('not_installed')")
    agent.start_agent()
    trusting_firefox.wait_for("return seen.at(-1) === 'running'")
    agent.stop_agent()
    trusting_firefox.wait_for("return seen.at(-1) === 'not_started'")


CLAIMED = """return (async () => {
    const workers = navigator.serviceWorker;
    const changed = new Promise((resolve) => { workers.oncontrollerchange = resolve; });
    await workers.register("/sw.js");
    if (!workers.controller) await changed;
    watch();
})()"""


def test_under_a_service_worker_the_agent_is_found_by_websocket(
    trusting_firefox: Firefox, agent: World
) -> None:
    ports = agent.programs.ports
    site = PublicSite(PAGE % (ports.tls, ports.ping), source(agent, "answers with a page"))
    with serve(site, None, "localhost"):
        trusting_firefox.go(site.origin)
        trusting_firefox.wait_for("return window.watch !== undefined")
        trusting_firefox.run(CLAIMED)
        trusting_firefox.wait_for("return seen.at(-1) === 'unreachable'")
        agent.start_agent()
        trusting_firefox.wait_for("return seen.at(-1) === 'running'", seconds=90)
        agent.stop_agent()
        trusting_firefox.wait_for("return seen.at(-1) === 'not_started'")


@pytest.fixture(scope="module")
def public_site(world: World) -> str:
    """Start a portal that is reached under a name."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin = f"http://service.test:{port}"
    start_open_portal(world, "firefox-portal", port, origin)
    return origin


def test_firefox_asks_before_a_public_page_reaches_the_agent(
    agent: World, public_site: str, tmp_path: Path
) -> None:
    agent.start_agent()
    override = f"127.0.0.1:{public_site.rpartition(':')[2]}"
    preferences = {"network__lna__address_space__public__override": override}
    with with_policy(agent, tmp_path, **preferences) as firefox:
        open_site(firefox, agent, public_site)
        firefox.wait_for("return seen.at(-1) === 'permission_prompt'")
        firefox.run("agent.check({ ask: true }).catch(() => {})")
        firefox.wait_for("return agent.snapshot.asking")  # its question stands above the page
        firefox.call("Marionette:SetContext", value="chrome")
        firefox.run(ALLOW, public_site)
        firefox.call("Marionette:SetContext", value="content")
        open_site(firefox, agent, public_site)
        firefox.wait_for("return seen.at(-1) === 'running'")

"""The SDK against a real agent: every verb, from a page of another origin, in a real browser."""

import base64
from hashlib import sha384
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from playwright.sync_api import Page

from tests.browser.world import PIN, WRONG_PIN, World

pytestmark = pytest.mark.browser
TEXT = "測試 text"


def connect(page: Page, world: World) -> None:
    """Make ``agent`` known to the page's scripts, and this site to the agent."""
    page.goto(world.url)
    ports = [world.programs.ports.tls, world.programs.ports.ping]
    page.evaluate(
        """async ([tls, ping]) => {
            const sdk = await import("/sdk/ankong.js");
            Object.assign(window, sdk, { agent: new sdk.Ankong({ ports: [tls], pingPort: ping }) });
            await agent.connect();
        }""",
        ports,
    )


def refused(page: Page, call: str) -> dict[str, Any]:
    """Make a call that fails; give what its error says."""
    error: dict[str, Any] = page.evaluate(
        f"""async () => {{
            try {{ await {call}; }} catch (error) {{
                const {{ name, code, retriable, attemptsLeft }} = error;
                return {{ name, code, retriable, attemptsLeft }};
            }}
        }}"""
    )
    return error


def public_key(certificate: str) -> RSAPublicKey:
    key = x509.load_der_x509_certificate(base64.b64decode(certificate)).public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def test_signatures_are_over_what_was_given(page: Page, agent: World, generation: str) -> None:
    agent.start_agent(agent.card(generation))
    connect(page, agent)
    digest = base64.b64encode(sha384(b"given as a digest").digest()).decode()
    signed = page.evaluate(
        """async ([text, pin, digest]) => ({
            text: await agent.sign({ data: text, format: "pkcs1", pin }),
            digest: await agent.sign({
                digest: fromBase64(digest), hash: "SHA-384", format: "pkcs1", pin }),
            batch: await agent.signBatch({
                items: [{ data: "one" }, { data: "two", documentName: "二" }], format: "pkcs1",
                hash: "SHA-512", pin }),
        })""",
        [TEXT, PIN, digest],
    )
    one, two = signed["batch"]["signatures"]
    for answer, signature, data, algorithm in (
        (signed["text"], signed["text"]["signature"], TEXT.encode(), hashes.SHA256()),
        (signed["digest"], signed["digest"]["signature"], b"given as a digest", hashes.SHA384()),
        (signed["batch"], one, b"one", hashes.SHA512()),
        (signed["batch"], two, b"two", hashes.SHA512()),
    ):
        key = public_key(answer["certificate"])
        key.verify(base64.b64decode(signature), data, PKCS1v15(), algorithm)


def test_what_is_sealed_for_the_card_is_opened(page: Page, agent: World) -> None:
    agent.start_agent(agent.card())
    connect(page, agent)
    found = page.evaluate("() => agent.certificates()")
    (sealing,) = (certificate for certificate in found if certificate["id"] == "KEYX")
    sealed = public_key(sealing["certificate"]).encrypt(b"for your eyes", PKCS1v15())
    opened = page.evaluate(
        """async ([sealed, pin]) => new TextDecoder().decode(
            await agent.decrypt({ data: fromBase64(sealed), format: "pkcs1", pin }))""",
        [base64.b64encode(sealed).decode(), PIN],
    )
    assert opened == "for your eyes"


def test_errors_say_whether_to_try_again(page: Page, agent: World) -> None:
    agent.start_agent(agent.card())
    connect(page, agent)
    assert refused(page, f"agent.sign({{ data: 'x', pin: '{WRONG_PIN}' }})") == {
        "name": "AnkongError",
        "code": "pin_incorrect",
        "retriable": True,
        "attemptsLeft": 2,
    }
    wrong = refused(page, "agent.sign({ data: 'x', format: 'no-such-format' })")
    assert (wrong["code"], wrong["retriable"]) == ("bad_request", False)
    assert refused(page, "agent.certificates({ reader: 'none' })")["code"] == "no_reader"
    aborted = "agent.sign({ data: 'x', pin: '1', signal: AbortSignal.abort() })"
    assert refused(page, aborted)["code"] == "aborted"
    agent.stop_agent()
    lost = refused(page, "agent.readers()")
    assert (lost["name"], lost["code"], lost["retriable"]) == ("AnkongError", "not_running", True)


def test_another_installation_is_told_of_and_handed_nothing(page: Page, agent: World) -> None:
    card = agent.card()
    state = agent.programs.state / "agent"
    agent.start_agent(card)
    pinning = """async ([tls, ping]) => {
        const sdk = await import("/sdk/ankong.js");
        Object.assign(window, sdk);
        window.agent = new sdk.Ankong({ ports: [tls], pingPort: ping, pinInstallation: true });
        await agent.connect();
        return agent.snapshot.installation;
    }"""
    ports = [agent.programs.ports.tls, agent.programs.ports.ping]
    page.goto(agent.url)
    assert page.evaluate(pinning, ports) == "new"
    assert page.evaluate("agent.certificates()")
    page.reload()
    assert page.evaluate(pinning, ports) == "known"
    proof = page.evaluate("agent.prove()")
    agent.stop_agent()
    (state / "install.key").unlink()  # what a computer without this agent does not have
    agent.start_agent(card)
    page.reload()
    assert page.evaluate(pinning, ports) == "changed"
    for call in ("agent.certificates()", f"agent.sign({{ data: 'x', pin: '{PIN}' }})"):
        assert refused(page, call)["code"] == "installation_changed"
    assert page.evaluate("agent.acceptInstallation()")["key"] != proof["key"]
    assert page.evaluate("agent.certificates()")
    assert page.evaluate("agent.snapshot.installation") == "known"


def test_events_reach_the_page(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    connect(page, agent)
    page.evaluate(
        """() => {
            window.heard = [];
            for (const name of ["card_removed", "card_inserted"]) {
                agent.addEventListener(name, ({ detail }) => {
                    heard.push([name, detail.reader.state]);
                });
            }
        }"""
    )
    card.pull()
    page.wait_for_function("() => heard.length === 1")
    card.insert()
    page.wait_for_function("() => heard.length === 2")
    expected = [["card_removed", "empty"], ["card_inserted", "card"]]
    assert page.evaluate("() => heard") == expected

"""Documents around the limits and far over them, by the SDK in a real browser."""

import base64
import hashlib
from typing import Any

import pytest
from playwright.sync_api import Page

from agent.cms.verify import verify
from agent.size_limits import MAX_DATA
from tests.browser.test_sdk import connect
from tests.browser.world import PIN, World

pytestmark = pytest.mark.browser
MIB = 1024 * 1024
LENGTH = 100 * MIB
SIZES = (1.0, 3.9, 4.1, 5.9, 6.1, 10.0)


def heap(page: Page) -> Any:
    """Return what tells how many bytes the page's scripts hold, buffers included."""
    session = page.context.new_cdp_session(page)

    def used() -> int:
        told = session.send("Runtime.getHeapUsage")
        return int(told["usedSize"] + told["backingStorageSize"])

    return used


def test_what_is_too_large_is_said_to_be_and_the_next_call_goes_on(
    page: Page, agent: World
) -> None:
    agent.start_agent(agent.card())
    connect(page, agent)
    told = page.evaluate(
        """async ([sizes, pin]) => {
            const told = [];
            for (const size of sizes) {
                const data = new Uint8Array(size);
                const signing = agent.sign({ data, format: "cms-detached", pin });
                const beside = agent.readers();
                const outcome = await signing.then(() => "signed", ({ code }) => code);
                told.push([outcome, (await beside).service]);
            }
            return told;
        }""",
        [[int(size * MIB) for size in SIZES], PIN],
    )
    expected = ["signed" if size * MIB <= MAX_DATA else "too_large" for size in SIZES]
    assert told == [[outcome, "available"] for outcome in expected]


def test_a_file_of_100_mib_is_signed_by_its_digest_and_held_by_nobody(
    page: Page, agent: World
) -> None:
    agent.start_agent(agent.card())
    connect(page, agent)
    used = heap(page)
    page.evaluate(
        """(mebibytes) => {
            const piece = new Uint8Array(1024 * 1024).map((_, index) => index % 251);
            window.file = new File(Array(mebibytes).fill(piece), "large.bin");
        }""",
        LENGTH // MIB,
    )
    page.evaluate(
        """(pin) => {
            const settle = (kind) => (value) => { window.outcome = { [kind]: value }; };
            const signing = agent.sign({ file, pin });
            void signing.then(settle("signed"), ({ code }) => settle("refused")(code));
        }""",
        PIN,
    )
    most = 0
    while (outcome := page.evaluate("() => window.outcome ?? null")) is None:
        most = max(most, used())
    assert 0 < most < LENGTH // 2
    piece = bytes(index % 251 for index in range(MIB))
    content = _Pieces(piece, LENGTH // MIB)
    message = verify(base64.b64decode(outcome["signed"]["signature"]), content=content)
    assert message.content == b""


class _Pieces:
    """The same content, which this side does not hold whole either."""

    def __init__(self, piece: bytes, count: int) -> None:
        self._piece, self._count = piece, count

    def digest(self, algorithm: Any) -> bytes:
        digest = hashlib.new(algorithm.hashlib_name)
        for _ in range(self._count):
            digest.update(self._piece)
        return digest.digest()


@pytest.mark.parametrize("way", ["socket", "fetch"])
def test_a_page_without_the_sdk_hears_it_too(page: Page, agent: World, way: str) -> None:
    agent.start_agent(agent.card())
    connect(page, agent)
    told = page.evaluate(
        """async ([port, way, sizes]) => {
            const request = (id, size) => JSON.stringify({ id, method: "sign", params: {
                data: btoa("x".repeat(size)), hash: "SHA-256", format: "cms" } });
            const told = [];
            if (way === "fetch") {
                for (const size of sizes) {
                    const sent = { method: "POST", headers: { "Content-Type": "application/json" },
                        body: request("large", size) };
                    const response = await fetch(`https://localhost:${port}/v1/sign`, sent);
                    told.push([response.status, (await response.json()).error.code]);
                }
                return told;
            }
            const socket = new WebSocket(`wss://localhost:${port}/v1/socket`, "ankong.v1");
            await new Promise((resolve) => { socket.onopen = resolve; });
            for (const size of sizes) {
                const heard = new Map();
                const both = new Promise((resolve, reject) => {
                    socket.onclose = ({ code }) => reject(new Error(`closed by ${code}`));
                    socket.onmessage = ({ data }) => {
                        const answer = JSON.parse(data);
                        if (answer.id) heard.set(answer.id, answer);
                        if (heard.size === 2) resolve();
                    };
                });
                socket.send(request("large", size));
                socket.send(JSON.stringify({ id: "small", method: "readers" }));
                await both;
                told.push([heard.get("small").result.service, heard.get("large").error.code]);
            }
            socket.onclose = null;
            socket.close();
            return told;
        }""",
        [agent.programs.ports.tls, way, [int(size * MIB) for size in SIZES if size > 4]],
    )
    answered = 413 if way == "fetch" else "available"
    assert told == [[answered, "too_large"]] * 4

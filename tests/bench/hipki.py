"""Measure the door for existing pages: how soon a popup is ready, the image, the card's commands.

``await hipki_rows(effort)`` gives rows for the table. Started as a program it is one of the two
servers that are compared, each in a process of its own.
"""

import asyncio
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from agent.cms.document import Document
from agent.origin import LOCAL_USER
from agent.portal.demo import browser as demo_browser
from agent.secret import SecretBytes
from agent.signing.model import SignatureRequest
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import CITIZEN_GENERATIONS, CardData, Faults, Generation
from agent.virtualcard.personalise import Order, personalise
from tests.bench.daemon import Server
from tests.bench.load import _Asker
from tests.browser.hipki.site import ARGUMENTS, Sites, serve_sites
from tests.web.hipki.rig import PIN, Rig

LONG_SIGNATURE_MS = 3000
CONNECTIONS = 4
BROWSER_SECONDS = 60
POPUPS = {
    "smallest page of a bare server": None,
    "card idle": 150.0,
    "card signing for 3 s": 150.0,
}
"""Which popups are timed, and the milliseconds that are aimed at."""


@dataclass(frozen=True)
class HipkiEffort:
    """How often to measure."""

    popups: int = 9
    rounds: int = 5
    seconds: float = 1.0


@dataclass(frozen=True)
class Row:
    """One figure, and what is aimed at."""

    name: str
    value: float | None
    unit: str
    most: float | None = None
    least: float | None = None


async def hipki_rows(effort: HipkiEffort) -> list[Row]:
    """Measure everything."""
    issuer = TestIssuer.create(key_size=2048)
    rows: list[Row] = []
    for generation in CITIZEN_GENERATIONS:
        order = Order(generation, "王測試", generate_id_number(0), PIN.encode())
        data = personalise(order, issuer)
        rows += await asyncio.to_thread(_commands, data)
    rows += await _image(effort)
    rows += await asyncio.to_thread(_popups, data, effort)
    return rows


# Commands.


def _commands(data: CardData) -> list[Row]:
    ours, native = VirtualCard(data), VirtualCard(data)
    with Rig(ours) as rig:
        rig.get("/pkcs11info?withcert=true")
        assert rig.sign()["ret_code"] == 0
    with Rig(native) as rig:
        rig.call(rig.service.certificates(LOCAL_USER))
        request = SignatureRequest((Document(data=b"TBS"),))
        rig.call(rig.service.sign(LOCAL_USER, request, SecretBytes.from_text(PIN)))
    name = f"{data.generation}: GetUserCert + MakeSignature, commands"
    most = native.trace.commands
    return [
        Row(name, ours.trace.commands, "commands", most=most),
        Row(f"{name}, native API", most, "commands"),
    ]


# The image.


async def _image(effort: HipkiEffort) -> list[Row]:
    script = [sys.executable, Path(__file__)]
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    with ExitStack() as stack:
        servers = {kind: stack.enter_context(Server([*script, kind])) for kind in rates}
        for _ in range(effort.rounds):
            for kind, found in rates.items():
                found.append(await _requests_per_second(servers[kind].port, effort.seconds))
    ratios = [mine / other for mine, other in zip(rates["ours"], rates["bare"], strict=True)]
    return [
        Row("p11Image.bmp requests", statistics.median(rates["ours"]), "1/s"),
        Row("p11Image.bmp requests, bare handler", statistics.median(rates["bare"]), "1/s"),
        Row("p11Image.bmp over bare handler", statistics.median(ratios), "ratio", least=0.6),
    ]


async def _requests_per_second(port: int, seconds: float) -> float:
    request = f"GET /p11Image.bmp?1 HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    askers = [
        (await loop.create_connection(_Asker, "127.0.0.1", port))[1] for _ in range(CONNECTIONS)
    ]
    start = time.perf_counter()

    async def keep_asking(asker: _Asker) -> int:
        count = 0
        while time.perf_counter() - start < seconds:
            await asker.ask(request)
            count += 1
        return count

    counts = await asyncio.gather(*map(keep_asking, askers))
    elapsed = time.perf_counter() - start
    for asker in askers:
        asker.close()
    return sum(counts) / elapsed


# Popups, in a real browser.


def _popups(data: CardData, effort: HipkiEffort) -> list[Row]:
    found: list[list[float]] = [[], [], []]
    if demo_browser.find_chromium() is not None:
        data.faults = Faults(rsa_delay_ms=LONG_SIGNATURE_MS)
        found = _measure_popups(VirtualCard(data), effort.popups)
    return [
        Row(f"popup to getTbs, {name}", statistics.median(times) if times else None, "ms", most)
        for (name, most), times in zip(POPUPS.items(), found, strict=True)
    ]


def _measure_popups(card: VirtualCard, times: int) -> list[list[float]]:
    with Rig(card) as rig, serve_sites() as sites, tempfile.TemporaryDirectory() as profile:
        least = _browse(sites, profile, port=sites.port, path="/smallest.html", times=times + 1)
        idle = _browse(sites, profile, port=rig.port, times=times + 1)
        stop = threading.Event()
        signing = threading.Thread(target=_keep_signing, args=(rig, stop))
        signing.start()
        busy = _browse(sites, profile, port=rig.port, times=4, wait="no")
        stop.set()
        signing.join()
    return [least[1:], idle[1:], busy[1:]]  # the first one starts a process of the browser


def _keep_signing(rig: Rig, stop: threading.Event) -> None:
    while not stop.is_set():
        rig.sign()


def _browse(sites: Sites, profile: str, **query: Any) -> list[float]:
    """Let a browser that nobody drives time its popups; a driver would hold each of them up."""
    command = [
        str(demo_browser.find_chromium()),
        *("--headless=new", "--no-sandbox", "--no-first-run", "--disable-popup-blocking"),
        *(f"--user-data-dir={profile}", sites.url("timing.html", "bench", **query)),
        *ARGUMENTS,
    ]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found: list[float] = json.loads(sites.posted.get(timeout=BROWSER_SECONDS))
        return found
    finally:
        browser.terminate()
        browser.wait(BROWSER_SECONDS)


# The two servers.


def _serve_ours() -> None:
    # Its lines would end up among ours.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    issuer = TestIssuer.create(key_size=2048)
    order = Order(Generation.GEN1, "王測試", generate_id_number(0), PIN.encode())
    with Rig(VirtualCard(personalise(order, issuer)), None) as rig:
        rig.get("/p11Image.bmp")
        _say_ready(rig.port)
        threading.Event().wait()


async def _serve_bare() -> None:
    body = b"BM" + bytes(6052)

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="image/bmp")

    app = web.Application()
    app.router.add_get("/p11Image.bmp", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _say_ready(runner.addresses[0][1])
    await asyncio.Event().wait()


def _say_ready(port: int) -> None:
    sys.stdout.write(json.dumps({"ready": True, "port": port}) + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    """Serve, or measure and print the rows."""
    if arguments == ["ours"]:
        _serve_ours()
    elif arguments == ["bare"]:
        asyncio.run(_serve_bare())
    else:
        rows: list[dict[str, Any]] = [vars(row) for row in asyncio.run(hipki_rows(HipkiEffort()))]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

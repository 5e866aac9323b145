"""Visitors behind a proxy that sends each of their requests to any process of the service."""

import random
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

import aiohttp

from tests.portal.programs import Program
from tests.portal.staff_support import Page
from tests.portal.support import Visitor

ORIGIN = "https://portal.example"
PROXIED = ("--origin", ORIGIN, "--trusted-proxies", "127.0.0.0/8")
"""The settings of a process behind this proxy."""
_FIRST_ADDRESS = IPv4Address("10.0.0.1")


class Balanced:
    """A proxy's part: it knows the processes and sends a visitor's requests to any of them."""

    def __init__(self, processes: Sequence[Program]) -> None:
        self.ports = [process.ready["port"] for process in processes]

    def any_address(self) -> str:
        return f"http://127.0.0.1:{random.choice(self.ports)}"  # noqa: S311 - any is as good


class BalancedVisitor(Visitor):
    """A browser behind the proxy, on an address of its own.

    Attributes:
        spent: the seconds that the last request took.

    """

    spent = 0.0

    def __init__(self, proxy: Balanced, number: int) -> None:
        self.origin = ORIGIN
        self.proxy = proxy
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self.tokens: dict[str, str] = {}
        self.address = ""
        self.become(number)

    def become(self, number: int) -> None:
        """Be somebody else, with another address and no cookies."""
        self.tokens.clear()
        self.address = str(_FIRST_ADDRESS + number)

    async def page(self, path: str) -> tuple[int, str]:
        """Get a page as a browser does; return status and text."""
        found = await self.led(path)
        return found.status, found.text

    async def led(self, path: str) -> Page:
        """Get a page as a browser does that goes nowhere by itself."""
        headers = {"Host": "portal.example", "Accept": "text/html", "Cookie": self._cookie()}
        headers["X-Forwarded-For"] = self.address
        begun = time.perf_counter()
        address = self.proxy.any_address() + path
        async with self.http.get(address, headers=headers, allow_redirects=False) as response:
            text = await response.text()
        self.spent = time.perf_counter() - begun
        location = response.headers.get("Location", "")
        return Page(response.status, location, text, dict(response.headers))

    async def send(self, path: str, data: Any) -> Page:
        """Send a form as a browser does that goes nowhere by itself."""
        headers = {"Host": "portal.example", "Origin": ORIGIN, "Cookie": self._cookie()}
        headers |= {"Accept": "text/html", "X-Forwarded-For": self.address}
        address = self.proxy.any_address() + path
        begun = time.perf_counter()
        async with self.http.post(
            address, data=data, headers=headers, allow_redirects=False
        ) as response:
            text = await response.text()
        self.spent = time.perf_counter() - begun
        location = response.headers.get("Location", "")
        return Page(response.status, location, text, dict(response.headers))

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.tokens.items())

    async def post(self, path: str, body: Any = None, **_: Any) -> tuple[int, Any]:
        headers = {
            "Host": "portal.example",
            "Origin": ORIGIN,
            "X-Forwarded-For": f"203.0.113.1, {self.address}",
            "Cookie": self._cookie(),
        }
        url = self.proxy.any_address() + path
        begun = time.perf_counter()
        async with self.http.post(url, json=body or {}, headers=headers) as response:
            self.tokens |= {name: morsel.value for name, morsel in response.cookies.items()}
            answer = await response.json()
        self.spent = time.perf_counter() - begun
        return response.status, answer

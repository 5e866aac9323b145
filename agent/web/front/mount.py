"""What a protocol says of itself so that the front can serve it: its paths, callers and answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from aiohttp import hdrs, web

from agent.errors import AgentError
from agent.origin import Origin
from agent.size_limits import MAX_MESSAGE
from agent.web.front import guard
from agent.web.front.audience import Audience
from agent.web.front.guard import RequestPurpose
from agent.web.front.refusal import refusal

Handler: TypeAlias = Callable[[web.BaseRequest, Origin | None], Awaitable[web.StreamResponse]]
"""Answers a request that has passed every check, for the caller that the mount identified."""
Refuse: TypeAlias = Callable[[AgentError, Origin | None], web.Response]


@dataclass(frozen=True, slots=True)
class Route:
    """What a path does for one HTTP method.

    Attributes:
        handler: answers.
        audience: who may ask.
        purpose: what a browser's fetch metadata must agree with; None where the mount has checked.
        limit: of the body, in bytes.
        is_metered: whether it counts against the rate of the site that asks.
        readers: who is told by a preflight that it may read the answer; None for the audience.
        subprotocol: that a WebSocket must offer; None where the protocol has none.
        refuse: writes an error that comes up once the route is known; None for the mount's way.

    """

    handler: Handler
    audience: Audience
    purpose: RequestPurpose | None
    limit: int = MAX_MESSAGE
    is_metered: bool = True
    readers: Audience | None = None
    subprotocol: str | None = None
    refuse: Refuse | None = None


Routes: TypeAlias = Mapping[str, Mapping[str, Route]]
"""Path, percent-encoded as it travels, to HTTP method to route."""


class Mount:
    """A protocol on some of a port's paths. As it stands: one for web sites that name themselves.

    Attributes:
        routes: everything that there is.
        is_recorded: whether the recorder counts what is refused here; not so of our own pages.
        headers: set on each answer, whatever it is.

    """

    headers: ClassVar[Mapping[str, str]] = {}
    is_recorded: ClassVar[bool] = True

    def __init__(self, routes: Routes) -> None:
        self.routes = routes

    def headers_of(self, path: str) -> Mapping[str, str]:
        """Return what is set on each answer at a path, whatever it is."""
        del path
        return self.headers

    def claims(self, path: str) -> bool:
        """Return whether a path is this protocol's, so that no other mount is asked."""
        return path in self.routes

    def methods_of(self, path: str) -> Mapping[str, Route]:
        """Return what a path does, by HTTP method; nothing where there is no such path."""
        return self.routes.get(path, {})

    def identify(self, request: web.BaseRequest) -> Origin | None:
        """Return who asks; called before anything is looked up, so that nobody learns what exists.

        Raises:
            AgentError: whoever it is gets nothing.

        """
        return guard.read_site(request.headers.getall(hdrs.ORIGIN, ()))

    def refuse(self, error: AgentError, caller: Origin | None) -> web.Response:
        """Return the answer that says no."""
        return refusal(error, caller)

    def leave(self, port: int) -> None:
        """End on a port what waits there without being at work: the port is given up."""

    async def close(self) -> None:
        """End what is still open: the agent goes away."""

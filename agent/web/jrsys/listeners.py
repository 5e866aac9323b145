"""Where the pages of this family look for it: each port by itself, because pages name only one."""

import ssl
from collections.abc import Iterator, Mapping
from typing import Final, Protocol, TypeVar

from agent.host.settings.config import Settings
from agent.web.front.mount import Mount
from agent.web.front.serving import Listener

_PLAIN: Final = "jrsys"
_TLS: Final = "jrsys-tls"


class _Found(Protocol):
    """What became of a listener."""

    @property
    def port(self) -> int | None:
        """Where it listens; None when another program holds its port."""


T = TypeVar("T", bound=_Found)


def jrsys_listeners(settings: Settings, mount: Mount, tls: ssl.SSLContext) -> Iterator[Listener]:
    """Yield a listener for each port of the settings; its name tells whether it has TLS.

    Args:
        settings: the ports.
        mount: what answers on them.
        tls: with the local leaf, which names 127.0.0.1: pages ask for this address.

    """
    plain, with_tls = settings.open_jrsys_ports
    for kind, ports, context in ((_PLAIN, plain, None), (_TLS, with_tls, tls)):
        for number, port in enumerate(ports):
            yield Listener(name=f"{kind}-{number}", ports=(port,), tls=context, mounts=(mount,))


def jrsys_ports(others: Mapping[str, _Found]) -> dict[str, list[int]]:
    """Return where these pages are answered, for the line that ``serve`` prints.

    Args:
        others: what became of each listener, by its name.

    """

    def ports(kind: str) -> list[int]:
        found = (each.port for name, each in others.items() if name.rpartition("-")[0] == kind)
        return [port for port in found if port is not None]

    return {"jrsys_ports": ports(_PLAIN), "jrsys_tls_ports": ports(_TLS)}


def jrsys_lacking(others: Mapping[str, T]) -> list[T]:
    """Return what became of the listeners for these pages whose ports other programs hold.

    Args:
        others: what became of each listener, by its name.

    """
    found = (each for name, each in others.items() if name.rpartition("-")[0] in {_PLAIN, _TLS})
    return [each for each in found if each.port is None]

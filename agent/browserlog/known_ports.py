"""Whose components listen on which ports, as far as our own doors know."""

from collections.abc import Mapping
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

from agent.host.settings.config import (
    HIPKI_PORT,
    JRSYS_PORTS,
    JRSYS_TLS_PORTS,
    MCA_PORT,
    NATIVE_PORTS,
)


@unique
class ComponentFamily(StrEnum):
    """A family of components that speak one protocol."""

    ANKONG = "ankong"
    HIPKI = "hipki"
    JRSYS = "jrsys"


_PORTS: Final = {
    ComponentFamily.ANKONG: NATIVE_PORTS,
    ComponentFamily.HIPKI: (HIPKI_PORT, MCA_PORT),
    ComponentFamily.JRSYS: (*JRSYS_PORTS, *JRSYS_TLS_PORTS),
}
KNOWN_PORTS: Final[Mapping[int, ComponentFamily]] = MappingProxyType(
    {port: family for family, ports in _PORTS.items() for port in ports}
)

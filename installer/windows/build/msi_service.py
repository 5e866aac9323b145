"""The MSI's rows about the porter's service: when it is there, what it runs, when it goes.

Its program is the agent's, which every installation has, so no component of its own decides
whether the service is there: the conditions of Windows Installer's actions do.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from windows.build.msi_columns import Row

LAST: Final = 'REMOVE ~= "ALL" AND NOT UPGRADINGPRODUCTCODE'
"""The program goes, and no later version takes its place."""
STAYS: Final = 'REMOVE <> "ALL"'

# Windows Installer sets TerminalServer on a server with Remote Desktop Services, and RemoteAdminTS
# instead where these are there for its administration alone.
_SESSION_HOST: Final = "MsiNTProductType > 1 AND TerminalServer AND NOT RemoteAdminTS"
WANTED: Final = f'PORTER = "1" OR (PORTER = "auto" AND {_SESSION_HOST})'
"""Whether the service is to be there."""
CONDITIONS: Final[Mapping[str, str | None]] = {
    "StopServices": None,  # before its files are replaced, whatever comes then
    # An upgrade keeps it: Windows may refuse to make one anew that somebody looks at.
    "DeleteServices": f"({LAST}) OR ({STAYS} AND NOT ({WANTED}))",
    "InstallServices": WANTED,
    "StartServices": WANTED,
}
"""When Windows Installer does what it does with services; None for always."""

_OWN_PROCESS: Final = 0x10
_AUTOMATIC: Final = 2
_LOGGED: Final = 1  # an error at the computer's start
_VITAL: Final = 0x8000  # who wants the service does not want the rest without it
_AT_INSTALLATION: Final = {"start": 1, "stop": 2, "delete": 8}
_AT_REMOVAL: Final = {"stop": 0x20, "delete": 0x80}
_WAITED_FOR: Final = 1
_NOT_WAITED_FOR: Final = 0  # that it has begun to start is enough
_AGAIN_AFTER: Final = (5_000, 30_000, 60_000)  # milliseconds; the last one from then on
_FORGIVEN_AFTER: Final = 86_400  # seconds


def install(facts: Mapping[str, Any], component: str) -> Row:
    """Return the row of ServiceInstall: which program it runs, and as whom.

    Args:
        facts: the content of ``msi.toml``.
        component: the key of the one whose key path is the program.

    """
    service = facts["service"]
    name, how = service["name"], (_OWN_PROCESS, _AUTOMATIC, _LOGGED + _VITAL)
    nobody = (None, None)  # no group, and no service that it waits for
    local_system = (None, None)
    whose = (*nobody, *local_system, service["arguments"], component)
    return ("Porter", name, _both(service["title"]), *how, *whose, _both(service["purpose"]))


def control(facts: Mapping[str, Any], component: str) -> list[Row]:
    """Return the rows of ServiceControl.

    Args:
        facts: the content of ``msi.toml``.
        component: the key of the program's.

    """
    name = facts["service"]["name"]
    ends = sum(_AT_REMOVAL.values()) + _AT_INSTALLATION["stop"] + _AT_INSTALLATION["delete"]
    starts = _AT_INSTALLATION["start"]
    return [
        ("PorterEnds", name, ends, None, _WAITED_FOR, component),
        ("PorterStarts", name, starts, None, _NOT_WAITED_FOR, component),
    ]


def recovery(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what ``sc.exe`` is told: to start the service again, also when it ends with an error.

    Args:
        facts: the content of ``msi.toml``.

    """
    name = facts["service"]["name"]
    actions = "/".join(f"restart/{pause}" for pause in _AGAIN_AFTER)
    yield f"failure {name} reset= {_FORGIVEN_AFTER} actions= {actions}"
    yield f"failureflag {name} 1"


def _both(texts: Mapping[str, str]) -> str:
    return " ".join(texts[tag] for tag in ("zh-TW", "en-US"))

"""What this program is made of, and under which terms."""

import platform
import re
from collections.abc import Iterator
from importlib import metadata
from typing import Any, Final

from agent import __version__
from agent.host.machine.paths import Paths

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_MAX_LICENSE: Final = 120  # characters; some packages put the whole text there


def describe(paths: Paths) -> dict[str, Any]:
    """Say what is installed here; reads the packages' metadata, so not for the event loop."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "state_dir": str(paths.state),
        "log_dir": str(paths.logs),
        "parts": sorted(_parts("ankong"), key=lambda part: part["name"].lower()),
    }


def _parts(root: str) -> Iterator[dict[str, str]]:
    """Walk along what each package needs, as far as it is installed."""
    seen = {root}
    waiting = [root]
    while waiting:
        for name in _needs(waiting.pop()):
            if name in seen:
                continue
            seen.add(name)
            try:
                found = metadata.metadata(name)
            except metadata.PackageNotFoundError:
                continue  # for another system
            waiting.append(name)
            yield {"name": found["Name"], "version": found["Version"], "license": _license(found)}


def _needs(name: str) -> Iterator[str]:
    try:
        requirements = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:
        return
    for requirement in requirements:
        found = _NAME.match(requirement)
        if found is not None and "extra ==" not in requirement:
            yield found[0].lower().replace("_", "-")


def _license(found: metadata.PackageMetadata) -> str:
    for field in ("License-Expression", "License"):
        told = found[field] if field in found else ""  # noqa: SIM401  # it is no mapping
        if told and len(told) <= _MAX_LICENSE and "\n" not in told:
            return told
    classifiers = found.get_all("Classifier") or ()
    names = (each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::"))
    return ", ".join(names)

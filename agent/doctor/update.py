"""Whether this version is the newest one, as far as anybody said."""

from collections.abc import Iterator
from typing import Final

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
from agent.host.settings import config
from agent.host.settings.config import ConfigError
from agent.host.update import status
from agent.host.update.status import UpdateChecking, VersionAge
from agent.words import Language

_NOT_ASKED: Final = {
    UpdateChecking.NO_ADDRESS: ok("update", "update_no_address"),
    UpdateChecking.NO_KEY: ok("update", "update_no_key"),
    UpdateChecking.FORBIDDEN: ok("update", "update_forbidden"),
    UpdateChecking.DECLINED: ok("update", "update_declined"),
}


def check_update(installation: InstalledAgent) -> Iterator[Finding]:
    """Look at what the agent has heard; nobody is asked anything here."""
    try:
        settings = installation.policy.over(config.load(installation.paths.config))
    except (ConfigError, OSError):
        return  # check_config says so
    found = status.read(installation.paths, settings)
    if found.asking in _NOT_ASKED:
        yield _NOT_ASKED[found.asking]
        return
    match found.age:
        case VersionAge.UNKNOWN:
            yield ok("update", "update_unknown")
        case VersionAge.NEWEST:
            yield ok("update", "update_newest")
        case VersionAge.NEWER:
            yield note("update", "update_newer", version=found.newest, page=found.page)
        case VersionAge.TOO_OLD:
            reasons = {str(each): found.reason.get(each, "") for each in Language}
            facts = {"version": found.newest, "page": found.page, **reasons}
            yield fault("update", "update_too_old", **facts)

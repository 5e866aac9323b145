"""Check whether this version is the newest one that the agent knows of."""

from collections.abc import Iterator

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, Level, fault, note, ok
from agent.host.settings import config
from agent.host.settings.config import ConfigError
from agent.host.update import status
from agent.host.update.status import UpdateChecking, VersionAge
from agent.words import Language


def check_update(installation: InstalledAgent) -> Iterator[Finding]:
    """Report what the agent knows of newer versions; no server is asked."""
    try:
        settings = installation.policy.over(config.load(installation.paths.config))
    except (ConfigError, OSError):
        return  # check_config reports it
    found = status.read(installation.paths, settings)
    if found.asking is not UpdateChecking.ON:
        yield _nothing_known(found.asking)
        return
    match found.age:
        case VersionAge.UNKNOWN:
            yield _nothing_known(found.age)
        case VersionAge.NEWEST:
            yield ok("update", "update_newest")
        case VersionAge.NEWER:
            yield note("update", "update_newer", version=found.newest, page=found.page)
        case VersionAge.TOO_OLD:
            reasons = {str(each): found.reason.get(each, "") for each in Language}
            facts = {"version": found.newest, "page": found.page, **reasons}
            yield fault("update", "update_too_old", **facts)


def _nothing_known(why: UpdateChecking | VersionAge) -> Finding:
    """Return what the panel says of it, too."""
    return Finding("update", Level.OK, f"update_{why}", key=f"update.{why}")

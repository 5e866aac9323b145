"""Whether this version is the newest one, as far as anybody said."""

from collections.abc import Iterator
from typing import Final

from agent.doctor.patient import Patient
from agent.doctor.report import Finding, fault, note, ok
from agent.host.settings import config
from agent.host.settings.config import ConfigError
from agent.host.update import status
from agent.host.update.status import Age, Asking
from agent.words import Language

_NOT_ASKED: Final = {
    Asking.NO_ADDRESS: ok("update", "update_no_address"),
    Asking.NO_KEY: ok("update", "update_no_key"),
    Asking.FORBIDDEN: ok("update", "update_forbidden"),
    Asking.DECLINED: ok("update", "update_declined"),
}


def check_update(patient: Patient) -> Iterator[Finding]:
    """Look at what the agent has heard; nobody is asked anything here."""
    try:
        settings = patient.policy.over(config.load(patient.paths.config))
    except (ConfigError, OSError):
        return  # check_config says so
    found = status.read(patient.paths, settings)
    if found.asking in _NOT_ASKED:
        yield _NOT_ASKED[found.asking]
        return
    match found.age:
        case Age.UNKNOWN:
            yield ok("update", "update_unknown")
        case Age.NEWEST:
            yield ok("update", "update_newest")
        case Age.NEWER:
            yield note("update", "update_newer", version=found.newest, page=found.page)
        case Age.TOO_OLD:
            reasons = {str(each): found.reason.get(each, "") for each in Language}
            facts = {"version": found.newest, "page": found.page, **reasons}
            yield fault("update", "update_too_old", **facts)

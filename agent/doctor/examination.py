"""Run all checks in order; a check that raises is itself reported, and the others still run."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from agent.doctor.browsers import check_browsers
from agent.doctor.cards import check_readers, check_service
from agent.doctor.driver_architecture import check_reader_drivers
from agent.doctor.files import (
    check_config,
    check_databases,
    check_history,
    check_policy,
    check_state,
)
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.network import check_jrsys_ports, check_ports
from agent.doctor.report import Finding, Report, fault
from agent.doctor.restart import check_restart
from agent.doctor.running import check_agent, check_autostart, check_file_manager, check_icon
from agent.doctor.tls import check_tls, check_trust
from agent.doctor.token_modules import check_token_modules
from agent.doctor.update import check_update
from agent.doctor.versions import check_versions
from agent.doctor.windows import check_windows

_log = structlog.get_logger(__name__)


Check = Callable[[InstalledAgent], Iterable[Finding]]
CHECKS: Final[Sequence[Check]] = (
    check_versions,
    check_state,
    check_databases,
    check_history,
    check_config,
    check_policy,
    check_service,
    check_reader_drivers,
    check_readers,
    check_token_modules,
    check_windows,
    check_agent,
    check_icon,
    check_autostart,
    check_file_manager,
    check_ports,
    check_jrsys_ports,
    check_tls,
    check_trust,
    check_restart,
    check_browsers,
    check_update,
)


def examine(installation: InstalledAgent) -> Report:
    """Run every check; this blocks for seconds."""
    return Report([finding for check in CHECKS for finding in _run_check(check, installation)])


def _run_check(check: Check, installation: InstalledAgent) -> list[Finding]:
    try:
        return list(check(installation))
    except Exception as error:  # noqa: BLE001  # the others must still run
        name = check.__name__.removeprefix("check_")
        _log.exception("a check failed", check=name)
        return [fault(name, "check_failed", name=name, detail=type(error).__name__)]

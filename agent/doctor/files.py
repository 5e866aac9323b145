"""Check the state folder, its databases and settings, and the administrator's policy."""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from agent.database import DatabaseError
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
from agent.doctor.running import find_running
from agent.history.store import verify
from agent.host.machine.state_folder import UnsafePlace, Weakness, find_unsafe_place
from agent.host.settings import config
from agent.host.settings.broad_patterns import broad_patterns
from agent.host.settings.config import ConfigError

_MOST_PATTERNS: Final = 5  # of a policy that are shown
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_state(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether the state folder can be written, and by its owner only."""
    folder = installation.paths.state
    if not os.path.lexists(folder):
        yield note("state", "state_absent")
        return
    place = find_unsafe_place(folder)
    if place is not None:
        yield _unsafe(place, folder)
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        yield fault("state", "state_unusable", path=str(folder), detail=str(error.strerror))
        return
    if os.name == "posix" and folder.stat().st_mode & OTHERS:
        yield fault("state", "state_open", "close_state_dir", path=str(folder))
        return
    yield ok("state", "state_ok")


def _unsafe(place: UnsafePlace, folder: Path) -> Finding:
    facts = {"path": str(place.path), "command": place.remedy}
    if place.weakness is Weakness.FOREIGN:
        return fault("state", "state_foreign", **facts)
    mendable = place.path.is_relative_to(folder) and os.name == "posix"
    repair = "close_state_dir" if mendable else None
    return fault("state", "state_writable", repair, **facts)


def check_databases(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether SQLite finds the databases intact; nothing is changed."""
    if not os.path.lexists(installation.paths.state):
        return
    damaged = False
    for path in (installation.paths.sites, installation.paths.history):
        problem = _database_problem(path)
        if problem is not None:
            damaged = True
            yield fault("database", "database_damaged", file=path.name, detail=problem)
    if not damaged:
        yield ok("database", "database_ok")


def _database_problem(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return type(error).__name__
    return None if answer == "ok" else "quick_check"


def check_history(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether the history's hash chain is intact; no repair, which would hide a break."""
    if not os.path.lexists(installation.paths.state):
        return
    try:
        verdict = verify(installation.paths.history)
    except DatabaseError:
        return  # check_databases reports it
    if verdict.only_unwritten:
        yield note("history", "history_incomplete")
    elif verdict.breaks:
        count = len(verdict.breaks) + verdict.more_breaks
        facts = {"seq": str(verdict.breaks[0].seq), "count": str(count)}
        yield fault("history", "history_broken", **facts)
    else:
        yield ok("history", "history_ok", count=str(verdict.lines))


def check_config(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether the configuration file can be read as the agent does at its start."""
    try:
        config.load(installation.paths.config)
    except ConfigError as error:
        yield fault("config", "config_broken", "set_config_aside", detail=error.detail)
    except OSError as error:
        yield fault("config", "config_broken", detail=str(error.strerror))
    else:
        yield ok("config", "config_ok")


def check_policy(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether there is a policy, whether it can be used, and whether it is in force."""
    policy = installation.policy
    running = find_running(installation.paths)
    if running is not None and running.policy not in {None, policy.fingerprint}:
        yield fault("policy", "policy_changed")
    if policy.planted is not None:
        yield note("policy", "policy_planted", detail=policy.planted)
    if policy.hidden is not None:
        yield note("policy", "policy_hidden", detail=str(policy.source), path=str(policy.hidden))
    if policy.unknown:
        yield note("policy", "policy_unknown", names=", ".join(policy.unknown))
    broad = [pattern for _, pattern in broad_patterns(policy.rules)]
    if broad:
        yield note("policy", "policy_broad", names=", ".join(broad[:_MOST_PATTERNS]))
    if policy.problem is not None:
        yield fault("policy", "policy_unusable", detail=policy.problem)
    elif policy.source is None:
        yield ok("policy", "policy_none")
    else:
        yield ok("policy", "policy_ok", path=str(policy.source))

"""The support bundle: a ZIP file for those who help, without personal data.

It has no names of people, cards, sites, files, computers or users, no certificates and no card
numbers. Only the fields and patterns that are listed here go in, so a new field stays out until
somebody adds it.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from agent import strict_json
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, Report
from agent.host.settings import config
from agent.host.settings.config import ConfigError
from agent.transport.reader_names import model_name

_FACTS: Final = frozenset(
    {"port", "ports", "browser", "policy", "store", "tool", "date", "now", "name"}
    | {"lines", "seq", "breaks"}
)
_SETTINGS: Final = (
    *("port", "hipki_port", "hipki_version", "mca", "consent", "page_pin", "allow_sha1"),
    *("jrsys", "jrsys_ports", "jrsys_tls_ports", "jrsys_version", "jrsys_presence"),
    *("jrsys_unicode", "last_try", "unknown_tries", "update_check", "check_peer", "log_level"),
    "questions",
)
_MAX_LINES: Final = 2000  # of the log, the newest
_MAX_LOG: Final = 1024 * 1024  # bytes, the newest
_EVENT: Final = re.compile(r"[a-z][A-Za-z ,;:'/-]{0,79}")  # our own; a value would have digits
_CALL: Final = re.compile(r'File "[^"]*?[/\\](agent[/\\][\w/\\]+\.py)", line (\d+), in (\w+)')
_KIND: Final = re.compile(
    r"^([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt))\b", re.MULTILINE
)


class _LogLine(Struct, frozen=True):
    """The fields of a log line that are of use here; a line whose fields differ is left out."""

    # Other loggers' texts may hold anything.
    logger: Annotated[str, Meta(pattern=r"^agent(\.[a-z_]+)*\Z")]
    timestamp: Annotated[str, Meta(pattern=r"^[0-9TZ:.+-]{1,40}\Z")]
    level: Literal["debug", "info", "warning", "error", "critical"]
    event: str = ""
    exception: str | None = None


def write_bundle(path: Path, installation: InstalledAgent, report: Report) -> None:
    """Write the bundle.

    Args:
        path: of the ZIP file; an existing file is replaced.
        installation: the agent whose log and settings go in.
        report: of its examination.

    Raises:
        OSError: it cannot be written.

    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        findings = [_finding(finding) for finding in report.findings]
        bundle.writestr("report.json", _json({"clean": report.clean, "findings": findings}))
        bundle.writestr("settings.json", _json(_settings(installation)))
        bundle.writestr("readers.json", _json(_readers(installation)))
        bundle.writestr("log.jsonl", b"".join(_log_lines(installation.paths.logs / "ankong.log")))


def _json(content: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def _finding(finding: Finding) -> dict[str, Any]:
    allowed = {"version": _FACTS | {"version"}, "card": frozenset()}.get(finding.check, _FACTS)
    facts = {name: value for name, value in finding.facts.items() if name in allowed}
    level = str(finding.level)
    return {"check": finding.check, "level": level, "code": finding.code, "facts": facts}


def _settings(installation: InstalledAgent) -> Mapping[str, Any]:
    try:
        settings = config.load(installation.paths.config)
    except (ConfigError, OSError):
        return {"broken": True}
    found = {name: getattr(settings, name) for name in _SETTINGS}
    return {**found, "hipki_reader": settings.hipki_reader is not None}


def _readers(installation: InstalledAgent) -> Any:
    cards = installation.cards
    if cards is None:
        return None
    return {
        "virtual": cards.virtual,
        "service_available": cards.snapshot.service_available,
        "readers": [
            {
                "model": model_name(reader.name),
                "state": reader.state,
                "generation": reader.generation,
                "problem": cards.problems.get(reader.name),
            }
            for reader in cards.snapshot.readers
        ],
    }


def _log_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _MAX_LOG))
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines[-_MAX_LINES:]:
        kept = _log_line(line)
        if kept:
            yield msgspec.json.encode(kept) + b"\n"


def _log_line(raw: bytes) -> dict[str, Any]:
    """Return what may be kept of a log line; nothing of one that the agent did not write."""
    try:
        line = strict_json.decode(raw, _LogLine, limit=_MAX_LOG)
    except ValueError:
        return {}
    kept: dict[str, Any] = {"timestamp": line.timestamp, "logger": line.logger, "level": line.level}
    if _EVENT.fullmatch(line.event):
        kept["event"] = line.event
    if line.exception is not None:
        kept["exception"] = _trace(line.exception)
    return kept


def _trace(trace: str) -> list[str]:
    """Return the agent's own calls of a traceback and the types of errors; never a message."""
    calls = [f"{file}:{line} {function}" for file, line, function in _CALL.findall(trace)]
    return [*calls, *_KIND.findall(trace)]

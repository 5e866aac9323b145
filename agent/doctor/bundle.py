"""A file for those who help, without personal data: only what is known to be harmless goes in.

No names of people, cards, sites, files, computers or users; no certificate, no number of a card.
What is not on a list here is left out, so that a new field stays out until somebody decides.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, Report
from agent.host.settings import config
from agent.host.settings.config import ConfigError

_FACTS: Final = frozenset(
    {"port", "browser", "policy", "store", "tool", "date", "now", "name", "lines", "seq", "breaks"}
)
_SETTINGS: Final = (
    *("port", "hipki_port", "hipki_version", "mca", "consent", "page_pin", "allow_sha1"),
    *("last_try", "update_check", "check_peer", "log_level"),
)
_MAX_LINES: Final = 2000  # of the log, the newest
_MAX_LOG: Final = 1024 * 1024  # bytes, the newest
_EVENT: Final = re.compile(r"[a-z][A-Za-z ,;:'/-]{0,79}")  # our own; a value would have digits
_CALL: Final = re.compile(r'File "[^"]*?[/\\](agent[/\\][\w/\\]+\.py)", line (\d+), in (\w+)')
_KIND: Final = re.compile(
    r"^([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt))\b", re.MULTILINE
)


def write_bundle(path: Path, installation: InstalledAgent, report: Report) -> None:
    """Write the file.

    Args:
        path: of the ZIP file; one that is there is replaced.
        installation: whose log and settings go in.
        report: what the examination found.

    Raises:
        OSError: it cannot be written.

    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        findings = [_finding(finding) for finding in report.findings]
        bundle.writestr("report.json", _json({"clean": report.clean, "findings": findings}))
        bundle.writestr("settings.json", _json(_settings(installation)))
        bundle.writestr("readers.json", _json(_readers(installation)))
        bundle.writestr("log.jsonl", "".join(_log_lines(installation.paths.logs / "ankong.log")))


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


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
                "model": _model(reader.name),
                "state": reader.state,
                "generation": reader.generation,
                "problem": cards.problems.get(reader.name),
            }
            for reader in cards.snapshot.readers
        ],
    }


def _model(name: str) -> str:
    """Take serial numbers out of a reader's name: what is in brackets, and words with digits."""
    plain = re.sub(r"[\[(].*?(?:[\])]|$)", " ", name)
    words = [word for word in plain.split() if len(re.findall(r"[0-9]", word)) < 4]
    return " ".join(words)[:80]


def _log_lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _MAX_LOG))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines[-_MAX_LINES:]:
        kept = _log_line(line)
        if kept:
            yield json.dumps(kept) + "\n"


def _log_line(line: str) -> dict[str, Any]:
    try:
        read = json.loads(line)
        logger, event = str(read.get("logger")), str(read.get("event"))
    except (ValueError, AttributeError, RecursionError):
        return {}
    if re.fullmatch(r"agent(\.[a-z_]+)*", logger) is None:
        return {}  # other people's texts hold anything
    kept = {"timestamp": str(read.get("timestamp"))[:40], "logger": logger}
    if read.get("level") in {"debug", "info", "warning", "error", "critical"}:
        kept["level"] = read["level"]
    if _EVENT.fullmatch(event):
        kept["event"] = event
    trace = read.get("exception")
    return {**kept, "exception": _trace(trace)} if isinstance(trace, str) else kept


def _trace(trace: str) -> list[str]:
    """Keep where in our own code it happened, and the kind of error; never its message."""
    calls = [f"{file}:{line} {function}" for file, line, function in _CALL.findall(trace)]
    return [*calls, *_KIND.findall(trace)]

"""``ankong doctor``: examine this installation, repair it, or pack a file for those who help."""

import asyncio
import platform
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent import __version__
from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import CommandParser, add_json, define
from agent.commands.readers import ReaderOptions, add_reader_options
from agent.commands.speaking import add_language, spoken_languages
from agent.consent.consent import AlwaysAllow
from agent.database import DatabaseError
from agent.doctor.bundle import write_bundle
from agent.doctor.examination import examine
from agent.doctor.network import find_running
from agent.doctor.patient import CardFacts, HistoryFacts, Patient, ReaderFacts
from agent.doctor.repairs import repair
from agent.doctor.report import Level, Report
from agent.errors import AgentError
from agent.history.store import verify
from agent.host.machine.paths import Paths
from agent.host.peer.port_owner import describe_owner
from agent.host.settings.policy import Policy
from agent.host.tls.machine import Machine
from agent.origin import LOCAL_USER
from agent.signing.model import CardPresence, ReaderView
from agent.signing.service import SigningService
from agent.transport.base import CardProvider
from agent.words import Language, load

PROBING_SECONDS = 5.0  # for a card whose answer to reset says nothing
_SIGNS = {Level.OK: "✓", Level.NOTE: "•", Level.FAULT: "✗"}


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorOptions(ReaderOptions):
    """What ``doctor`` is told.

    Attributes:
        repair: the name of what is carried out first; None for nothing.
        bundle: the file that is packed for those who help; None for none.
        json: whether the answer is for a program.
        language: in which people read the answer; None for every reviewed one.

    """

    repair: str | None = None
    bundle: Path | None = None
    json: bool = False
    language: str | None = None


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, DoctorOptions, lambda options: run(options, options.open_provider))
    add_reader_options(parser)
    parser.add_argument("--repair", metavar="NAME", help="carry out a repair that was named before")
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE.zip", help="for those who help; no personal data"
    )
    add_language(parser)
    add_json(parser)


def run(options: DoctorOptions, provider: Callable[[], CardProvider]) -> int:
    """Examine, and before that repair where asked to; fail where something is broken."""
    log_aside()
    paths = Paths.choose(options.state_dir)
    patient = gather(paths, _cards(options, paths, provider))
    if options.repair is not None:
        repair(options.repair, patient)
        patient = gather(paths, _cards(options, paths, provider))
    report = examine(patient)
    if options.bundle is not None:
        write_bundle(options.bundle, patient, report)
    if options.json:
        say_json(report.as_json())
    else:
        _say(report, spoken_languages(options.language))
    return 0 if report.clean else 1


def _cards(
    options: DoctorOptions, paths: Paths, provider: Callable[[], CardProvider]
) -> CardFacts | None:
    """Look at the readers; not at real ones where the running agent has virtual ones."""
    running = find_running(paths)
    was_told = options.provider is not None or options.virtual_card
    if running is not None and running.virtual and not was_told:
        return None
    return asyncio.run(look_at_cards(provider))


def gather(paths: Paths, cards: CardFacts | None) -> Patient:
    """Put together what there is to examine; blocks, for seconds with a very long history."""
    return Patient(
        paths=paths,
        cards=cards,
        history=_history_facts(paths.history),
        policy=Policy.of_this_computer(paths.policy),
        port_owner=describe_owner,
        versions=_versions(),
    )


def _history_facts(path: Path) -> HistoryFacts | None:
    try:
        verdict = verify(path)
    except DatabaseError:
        return None
    return HistoryFacts(
        lines=verdict.lines,
        breaks=[found.seq for found in verdict.breaks],
        count=len(verdict.breaks) + verdict.more_breaks,
    )


def _versions() -> dict[str, str]:
    found = {
        "ankong": __version__,
        "Python": platform.python_version(),
        "OpenSSL": ssl.OPENSSL_VERSION.removeprefix("OpenSSL ").partition(" ")[0],
        platform.system(): f"{platform.release()} {platform.machine()}",
    }
    machine = Machine()
    for tool in ("pcscd", "chromium", "google-chrome", "firefox"):
        path = machine.find(tool)
        if path is not None:
            answer = machine.run([path, "--version"])
            words = answer.output.decode("utf-8", "replace").split("\n")[0].split()
            version = next((word for word in words if word[0].isdigit()), "?")
            found[tool] = version.rstrip(".,")[:40]
    return found


async def look_at_cards(provider: Callable[[], CardProvider]) -> CardFacts | None:
    """Look at the readers and read the cards' certificates; no PIN is involved."""
    try:
        service = SigningService(provider(), AlwaysAllow())
    except AgentError:
        return None
    await service.start()
    try:
        return await card_facts(service)
    finally:
        await service.close()


async def card_facts(service: SigningService) -> CardFacts:
    """Look at the readers of a service that runs already."""
    await _wait_for_probes(service)
    snapshot = service.snapshot()
    readers = [await _look_at(service, view) for view in snapshot.readers]
    return CardFacts(
        virtual=service.provider_kind == "virtual",
        service_available=snapshot.service_available,
        readers=readers,
    )


async def _wait_for_probes(service: SigningService) -> None:
    async with service.subscribe() as changes:
        try:
            async with asyncio.timeout(PROBING_SECONDS):
                while any(_is_being_probed(view) for view in service.snapshot().readers):
                    await changes.get()
        except TimeoutError:
            return


def _is_being_probed(view: ReaderView) -> bool:
    return view.state is CardPresence.CARD and view.generation is None


async def _look_at(service: SigningService, view: ReaderView) -> ReaderFacts:
    read = ReaderFacts(name=view.name, state=str(view.state))
    if view.state is CardPresence.CARD:
        read = await _read_card(service, read)
    # Reading may have shown that the card is none of ours, and how many tries are left.
    seen = {each.name: each for each in service.snapshot().readers}.get(view.name, view)
    return replace(
        read,
        state=str(seen.state),
        generation=seen.generation,
        attempts_left=seen.attempts_left,
        keypad=seen.keypad,
    )


async def _read_card(service: SigningService, read: ReaderFacts) -> ReaderFacts:
    try:
        found = await service.certificates(LOCAL_USER, read.name)
    except AgentError as error:
        return replace(read, problem=str(error.code))
    for each in found:
        if each.id == "SIGN":
            facts = each.facts
            return replace(read, not_before=facts.not_before, not_after=facts.not_after)
    return replace(read, problem="key_not_found")


def _say(report: Report, languages: Sequence[Language]) -> None:
    for finding in report.findings:
        first, *others = dict.fromkeys(map(finding.said, languages))
        say(f"{_SIGNS[finding.level]} {first}")
        for other in others:
            say(f"  {other}")
        if finding.repair is not None:
            say(f"  → ankong doctor --repair {finding.repair}")
    say()
    end = "command.all_well" if report.clean else "command.broken"
    say(" ".join(str(load(language)[end]) for language in languages))

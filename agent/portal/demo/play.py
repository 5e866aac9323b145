"""Run the upgrade from ordinary to gold member on this computer, with a virtual card.

    python -m agent.portal.demo.play            starts the programs and opens a browser
    python -m agent.portal.demo.play --check    goes through the upgrade headless and checks it

All processes that it starts end with it. The user's own files are not changed: the state is in one
directory, and the browser has a home directory and a profile of its own.
"""

import argparse
import contextlib
import secrets
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.errors import AgentError
from agent.portal.config import DemoCard
from agent.portal.demo import browser as demo_browser
from agent.portal.demo.check import CheckContext, DemoApplicant, DemoCitizen, check_upgrade
from agent.portal.demo.children import Child, Children, DemoError
from agent.portal.demo.counter import check_counter
from agent.portal.demo.online import check_online
from agent.portal.demo.programs import DemoPrograms, Ports
from agent.portal.demo.staffdoor import StaffCard, hire, opened_staff_door
from agent.portal.demo.telecom import check_telecom
from agent.portal.demo.terminal import (
    Stopped,
    boxed,
    columns,
    report,
    say,
    stop_on_signals,
    trust_lines,
    wait_while,
)
from agent.virtualcard import cardfile
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.new_cards import GENERATIONS, new_card
from agent.virtualcard.pcscd import PrivatePcscd
from agent.virtualcard.personalise import Order

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_STOPPED: Final = 130
NAME: Final = "王測試"
PIN: Final = "246813"
STAFF: Final = (("林測試", "clerk", "supervisor"), ("黃測試", "reviewer", "auditor"))
STAFF_PIN: Final = "135792"
APPLICANT: Final = "陳測試"
TELECOM_APPLICANTS: Final = ("吳測試", "鄭測試")
ONLINE_APPLICANTS: Final = ("李測試", "張測試", "周測試")
PULLED: Final = ".pulled"
"""What the file of a card that is in no reader ends in."""
_ID_NUMBERS: Final = 10_000_000  # a new card in a kept state is hardly ever a known member
_INSERT_TIMEOUT: Final = 30.0  # seconds until a card is in a reader of a private pcscd
_SIGNING: Final = b"SIGN"  # the identifier of the certificate that logs in


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit status: 0, 1 failed, 130 stopped."""
    options = _parser().parse_args(arguments)
    stop_on_signals()
    try:
        with ExitStack() as stack:
            _run(options, stack)
    except Stopped:
        with contextlib.suppress(OSError):  # the reader of a pipe may have ended
            print(say("stopped"), flush=True)  # noqa: T201  # this is a command-line tool
        return EXIT_OK if not options.check else EXIT_STOPPED
    except (DemoError, AgentError, OSError) as error:
        print(f"demo failed: {error}", file=sys.stderr)  # noqa: T201  # likewise
        return EXIT_FAILED
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m agent.portal.demo.play", description="Run the upgrade with a virtual card."
    )
    parser.add_argument("--check", action="store_true", help="run it headless and check each step")
    parser.add_argument(
        "--provider",
        choices=("virtual", "pcsc"),
        default="virtual",
        help="the card in the agent itself, or behind a private pcscd and vpcd",
    )
    parser.add_argument("--generation", choices=("1", "2"), default="2", help="of the card")
    parser.add_argument("--shots", type=Path, metavar="DIR", help="where the pictures go")
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="keep the state here (default: nowhere)"
    )
    parser.add_argument(
        "--downloads",
        type=Path,
        metavar="DIR",
        help="installers to offer (default: those that make installers built, if it did)",
    )
    return parser


def _built() -> Path | None:
    folder = Path(__file__).resolve().parents[3] / "dist" / "installers"
    return folder if folder.is_dir() else None


def _run(options: argparse.Namespace, stack: ExitStack) -> None:
    state = state_directory(options.state_dir, stack)
    report("making a virtual card")
    citizen = make_card(state, options.generation)
    staff = tuple(_make_staff_card(state, *each) for each in STAFF)
    children = stack.enter_context(Children(emptied(state / "logs")))
    # For a person they are in readers of the agent, and are pulled before anybody looks.
    is_shown = not options.check and options.provider == "virtual"
    shown = [each.file for each in staff] if is_shown else []
    readers = _Readers(options.provider, children, stack)
    programs = DemoPrograms(
        children,
        state,
        Ports.choose(usual=not options.check),
        *readers.with_cards(state / "card.json", *shown),
        downloads=options.downloads or _built(),
        card=DemoCard(citizen.id_number, citizen.pin),
    )
    report("starting the portal and the identity service")
    programs.start_services()
    report("starting the agent once, which makes its local authority")
    programs.make_authority()
    for each in staff:
        hire(programs, each)
    if options.check:
        _check(_Stage(programs, readers, citizen, staff), options.shots)
    else:
        _show(programs, readers, citizen, staff)


def state_directory(wanted: Path | None, stack: ExitStack) -> Path:
    """Return the folder of a demo's state; where none is wanted, a new one that ends with it."""
    if wanted is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ankong-demo-")))
    wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
    return wanted.resolve()


def emptied(directory: Path) -> Path:
    """Return a folder that is there and has nothing in it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def make_card(state: Path, generation: str) -> DemoCitizen:
    """Make a card with a new ID number, and a test authority if there is none yet."""
    id_number = generate_id_number(secrets.randbelow(_ID_NUMBERS))
    order = Order(GENERATIONS[generation], NAME, id_number, PIN.encode())
    made = new_card(state / "card.json", state / "issuer", order)
    return DemoCitizen(made.name, made.id_number, PIN)


def _make_staff_card(state: Path, name: str, *roles: str) -> StaffCard:
    """Make a card of somebody of the staff, and a file of its certificate for the register."""
    file = state / f"staff-{roles[0]}.json"
    id_number = generate_id_number(secrets.randbelow(_ID_NUMBERS))
    order = Order(GENERATIONS["2"], name, id_number, STAFF_PIN.encode())
    new_card(file, state / "issuer", order)
    certificate = file.with_suffix(".cer")
    found = cardfile.load(file).data.certificates
    # another way: the demo's own folder, new each time
    certificate.write_bytes(next(each.der for each in found if each.id == _SIGNING))
    return StaffCard(name, roles, file, certificate, STAFF_PIN)


class _Readers:
    """The readers of the demo: in the agent itself, or two of a private PC/SC daemon."""

    def __init__(self, provider: str, children: Children, stack: ExitStack) -> None:
        self._children = children
        self._daemon = stack.enter_context(PrivatePcscd()) if provider == "pcsc" else None
        self._inserted: dict[int, tuple[Path, Child]] = {}

    def with_cards(self, *cards: Path) -> tuple[list[str], dict[str, str]]:
        """Make cards available; return the agent's arguments and environment for them."""
        if self._daemon is None:
            arguments = [part for card in cards for part in ("--virtual-card", str(card))]
            return ["--provider", "virtual", *arguments], {}
        for port, card in zip(self._daemon.ports, cards, strict=False):
            self._insert(card, port)
        return ["--provider", "pcsc"], self._daemon.environment()

    @property
    def free_port(self) -> int | None:
        """Return the port of a reader of the daemon that has no card; None without one."""
        ports = self._daemon.ports if self._daemon is not None else ()
        return next((port for port in ports if port not in self._inserted), None)

    def _insert(self, card: Path, port: int) -> None:
        """Put a card into a reader, in the place of another."""
        there, child = self._inserted.pop(port, (None, None))
        if child is not None and there != card:
            self._children.end(child)
            child = None
        if child is None:
            child = self._children.start_module("card", *_insert_words(card, port)[1:])
            child.wait_ready(_INSERT_TIMEOUT)
        self._inserted[port] = card, child


def _insert_words(card: Path, port: int) -> list[str]:
    """Return Python's arguments that put a card into a reader of vpcd until they are stopped."""
    return ["-m", "agent", "card", "insert", str(card), "--vpcd", f"127.0.0.1:{port}"]


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the ways are played with."""

    programs: DemoPrograms
    readers: _Readers
    citizen: DemoCitizen
    staff: Sequence[StaffCard]


# Checked by the program itself.
def _check(stage: _Stage, wanted: Path | None) -> None:
    programs, citizen = stage.programs, stage.citizen
    shots = wanted or Path(tempfile.mkdtemp(prefix="ankong-demo-shots-"))
    shots.mkdir(parents=True, exist_ok=True)
    home = emptied(programs.state / "browser")
    demo_browser.make_home(home, programs.authority)
    context = CheckContext(
        programs.url, home, shots, programs.start_agent, programs.stop_agent, report
    )
    try:
        seconds = check_upgrade(context, citizen)
        for act in _OTHER_WAYS:
            print(act(stage, context), flush=True)  # noqa: T201  # this is a command-line tool
    finally:
        print(f"screenshots: {shots}", flush=True)  # noqa: T201  # this is a command-line tool
    print(f"upgrade ok: gold member {citizen.name} in {seconds:.1f} s", flush=True)  # noqa: T201


def _play_counter(stage: _Stage, context: CheckContext) -> str:
    """Play way 2; return the line that says so."""
    clerk = stage.staff[0]
    id_number = generate_id_number(secrets.randbelow(_ID_NUMBERS))
    applicant = DemoApplicant(APPLICANT, id_number)
    arguments, _ = stage.readers.with_cards(stage.programs.state / "card.json", clerk.file)
    with opened_staff_door(stage.programs, arguments) as door:
        seconds = check_counter(context, door, clerk, applicant)
    return f"upgrade ok: gold member {APPLICANT} in {seconds:.1f} s (way 2, counter)"


def _play_online(stage: _Stage, context: CheckContext) -> str:
    """Play way 4; return a line for each who is gold now."""
    reviewer = stage.staff[1]
    people = [
        DemoApplicant(name, generate_id_number(secrets.randbelow(_ID_NUMBERS)))
        for name in ONLINE_APPLICANTS
    ]
    arguments, _ = stage.readers.with_cards(stage.programs.state / "card.json", reviewer.file)
    with opened_staff_door(stage.programs, arguments) as door:
        names = check_online(context, door, reviewer, people)
    return "\n".join(f"upgrade ok: gold member {name} (way 4, online)" for name in names)


def _play_telecom(stage: _Stage, context: CheckContext) -> str:
    """Play way 3; return a line for who is gold now and one for who goes on another way."""
    del stage  # nobody's card is needed
    matching, differing = (
        DemoApplicant(name, generate_id_number(secrets.randbelow(_ID_NUMBERS)))
        for name in TELECOM_APPLICANTS
    )
    seconds = check_telecom(context, matching, differing)
    return (
        f"upgrade ok: gold member {matching.name} in {seconds:.1f} s (way 3, telecom)\n"
        f"way 3 refused {differing.name} as another person's number; way 4 is open to them"
    )


_OTHER_WAYS: Final[Sequence[Callable[[_Stage, CheckContext], str]]] = (
    _play_counter,
    _play_telecom,
    _play_online,
)


# For a person.


def _show(
    programs: DemoPrograms, readers: _Readers, citizen: DemoCitizen, staff: Sequence[StaffCard]
) -> None:
    # At the portal's first request the agent's own window asks for consent.
    asks = demo_browser.can_show_windows()
    programs.consent = "ask" if asks else "allow"
    programs.start_agent()
    home = emptied(programs.state / "browser")
    window = _open_window(programs, home) if demo_browser.has_display() else None
    lines = _card_lines(programs, citizen)
    lines += _staff_lines(programs, readers, staff)
    lines += ["", say("asks")] if asks else []
    lines += [] if window else trust_lines(programs.authority)
    print("\n".join(boxed(lines)), flush=True)  # noqa: T201  # this is a command-line tool
    wait_while(lambda: window is None or window.process.poll() is None)


def _open_window(programs: DemoPrograms, home: Path) -> Child | None:
    """Open the portal in a browser that trusts the demo's agent; None where that is impossible."""
    chromium = demo_browser.find_chromium()
    if chromium is None or not demo_browser.can_make_home():
        return None
    demo_browser.make_home(home, programs.authority)
    command = demo_browser.window_command(chromium, home, programs.url)
    return programs.children.start("browser", command, demo_browser.environment(home))


def _card_lines(programs: DemoPrograms, citizen: DemoCitizen) -> list[str]:
    facts = {
        "address": programs.url,
        "name": citizen.name,
        "id_number": citizen.id_number,
        "pin": citizen.pin,
    }
    rows = columns([(say(key), fact) for key, fact in facts.items()])
    card = programs.state / "card.json"
    # Behind a PC/SC daemon of its own a card stays in, whatever becomes of its file.
    pull = [say("pull", path=card)] if str(card) in programs.card_arguments else []
    return [say("title"), "", *rows, "", say("inserted"), *pull, say("stop")]


def _staff_lines(
    programs: DemoPrograms, readers: _Readers, staff: Sequence[StaffCard]
) -> list[str]:
    """Return the text on the staff's door, and on how a staff card comes into a reader."""
    lines = ["", say("staff_door", address=f"{programs.url}staff/login")]
    for each in staff:
        facts = {"name": each.name, "roles": ", ".join(each.roles), "pin": each.pin}
        if str(each.file) in programs.card_arguments:
            pulled = each.file.rename(each.file.with_suffix(PULLED))
            lines.append(say("staff_card", **facts))
            lines.append(f"mv {shlex.quote(str(pulled))} {shlex.quote(str(each.file))}")
        elif readers.free_port is not None:
            lines.append(say("staff_insert", **facts))
            lines.append(shlex.join([sys.executable, *_insert_words(each.file, readers.free_port)]))
    return lines


if __name__ == "__main__":
    sys.exit(main())

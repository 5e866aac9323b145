"""Play the upgrade from ordinary to gold member on this computer, with a virtual card.

    python -m agent.portal.demo.play            starts everything and opens a browser for a person
    python -m agent.portal.demo.play --check    plays the flow itself, headless, and judges it

Whatever it starts it ends, by process id. Nothing of the user's is touched: the state is in one
directory, and the browser has a home and a profile of its own.
"""

import argparse
import contextlib
import secrets
import shlex
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final
from unicodedata import east_asian_width

from agent.errors import AgentError
from agent.portal.demo import browser as demo_browser
from agent.portal.demo.check import DemoCitizen, Scene, play
from agent.portal.demo.children import Child, Children, DemoError
from agent.portal.demo.stage import DemoPrograms, Ports
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.new_cards import GENERATIONS, new_card
from agent.virtualcard.pcscd import PrivatePcscd
from agent.virtualcard.personalise import Order
from agent.words import say
from agent.words.language import system_language

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_STOPPED: Final = 130
NAME: Final = "王測試"
PIN: Final = "246813"
_ID_NUMBERS: Final = 10_000_000  # so many are made up; a kept state knows who is gold already
_INSERT_TIMEOUT: Final = 30.0  # seconds until a card is in a reader of a private pcscd
_LOOK_INTERVAL: Final = 1.0  # seconds between two looks at the browser's window


class _Stopped(Exception):  # noqa: N818  # somebody asked for the end; nothing failed
    """SIGINT or SIGTERM."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit status: 0, 1 failed, 130 stopped."""
    options = _parser().parse_args(arguments)
    _stop_on_signals()
    try:
        with ExitStack() as stack:
            _run(options, stack)
    except _Stopped:
        with contextlib.suppress(OSError):  # whoever read it may be gone
            print(_say("stopped"), flush=True)  # noqa: T201  # this is a command-line tool
        return EXIT_OK if not options.check else EXIT_STOPPED
    except (DemoError, AgentError, OSError) as error:
        print(f"demo failed: {error}", file=sys.stderr)  # noqa: T201  # likewise
        return EXIT_FAILED
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m agent.portal.demo.play", description="Play the upgrade with a virtual card."
    )
    parser.add_argument("--check", action="store_true", help="play it headless, and judge it")
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


def _stop_on_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # what is being tidied up is tidied up once
        raise _Stopped

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def _run(options: argparse.Namespace, stack: ExitStack) -> None:
    state = _state_directory(options.state_dir, stack)
    _tell("making a virtual card")
    citizen = _make_card(state, options.generation)
    children = stack.enter_context(Children(_emptied(state / "logs")))
    stage = DemoPrograms(
        children,
        state,
        Ports.choose(usual=not options.check),
        *_insert_card(options.provider, state / "card.json", children, stack),
        downloads=options.downloads or _built(),
    )
    _tell("starting the portal and the identity service")
    stage.open_portal()
    _tell("starting the agent once, which makes its local authority")
    stage.found_authority()
    if options.check:
        _check(stage, citizen, options.shots)
    else:
        _show(stage, citizen)


def _tell(what: str) -> None:
    """Print what happens now."""
    print(f"· {what}", flush=True)  # noqa: T201  # this is a command-line tool


def _state_directory(wanted: Path | None, stack: ExitStack) -> Path:
    if wanted is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ankong-demo-")))
    wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
    return wanted.resolve()


def _emptied(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def _make_card(state: Path, generation: str) -> DemoCitizen:
    """Make a test authority, if there is none yet, and a new card with a new ID number."""
    id_number = generate_id_number(secrets.randbelow(_ID_NUMBERS))
    order = Order(GENERATIONS[generation], NAME, id_number, PIN.encode())
    made = new_card(state / "card.json", state / "issuer", order)
    return DemoCitizen(made.name, made.id_number, PIN)


def _insert_card(
    provider: str, card: Path, children: Children, stack: ExitStack
) -> tuple[list[str], dict[str, str]]:
    """Insert the card; return the agent's arguments and environment."""
    if provider == "virtual":
        return ["--provider", "virtual", "--virtual-card", str(card)], {}
    daemon = stack.enter_context(PrivatePcscd())
    where = f"127.0.0.1:{daemon.ports[0]}"
    card_side = children.start_module("card", "agent", "card", "insert", str(card), "--vpcd", where)
    card_side.wait_ready(_INSERT_TIMEOUT)
    return ["--provider", "pcsc"], daemon.environment()


# Alone.


def _check(stage: DemoPrograms, citizen: DemoCitizen, wanted: Path | None) -> None:
    shots = wanted or Path(tempfile.mkdtemp(prefix="ankong-demo-shots-"))
    shots.mkdir(parents=True, exist_ok=True)
    home = _emptied(stage.state / "browser")
    demo_browser.make_home(home, stage.authority)
    scene = Scene(stage.url, home, shots, stage.start_agent, stage.stop_agent, _tell)
    try:
        seconds = play(scene, citizen)
    finally:
        print(f"screenshots: {shots}", flush=True)  # noqa: T201  # this is a command-line tool
    print(f"upgrade ok: gold member {citizen.name} in {seconds:.1f} s", flush=True)  # noqa: T201


# For a person.


def _show(stage: DemoPrograms, citizen: DemoCitizen) -> None:
    # The first time the portal asks, the agent's own window asks back.
    asks = demo_browser.can_show_windows()
    stage.consent = "ask" if asks else "allow"
    stage.start_agent()
    home = _emptied(stage.state / "browser")
    window = _open_window(stage, home) if demo_browser.has_display() else None
    lines = _card_lines(stage, citizen)
    lines += ["", _say("asks")] if asks else []
    lines += [] if window else _trust_lines(stage)
    print("\n".join(boxed(lines)), flush=True)  # noqa: T201  # this is a command-line tool
    _wait(lambda: window is None or window.process.poll() is None)


def _open_window(stage: DemoPrograms, home: Path) -> Child | None:
    """Open the portal in a browser that trusts this demo's agent, where there is one."""
    chromium = demo_browser.find_chromium()
    if chromium is None or not demo_browser.can_make_home():
        return None
    demo_browser.make_home(home, stage.authority)
    command = demo_browser.window_command(chromium, home, stage.url)
    return stage.children.start("browser", command, demo_browser.environment(home))


def _say(key: str, **facts: object) -> str:
    return say(system_language(), f"demo.{key}", facts)


def _card_lines(stage: DemoPrograms, citizen: DemoCitizen) -> list[str]:
    facts = {
        "address": stage.url,
        "name": citizen.name,
        "id_number": citizen.id_number,
        "pin": citizen.pin,
    }
    labels = {key: _say(key) for key in facts}
    widest = max(map(_width, labels.values()))
    rows = [
        f"{label}{' ' * (widest - _width(label))}  {facts[key]}" for key, label in labels.items()
    ]
    pull = _say("pull", path=stage.state / "card.json")
    return [_say("title"), "", *rows, "", _say("inserted"), pull, _say("stop")]


def _trust_lines(stage: DemoPrograms) -> list[str]:
    """Return how to make another browser trust the agent of this demo."""
    authority = shlex.quote(str(stage.authority))
    return [
        "",
        _say("trust"),
        str(stage.authority),
        _say("trust_chromium"),
        f"certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n 'Ankong demo' -i {authority}",
        _say("remove", command="certutil -d sql:$HOME/.pki/nssdb -D -n 'Ankong demo'"),
    ]


def boxed(lines: Sequence[str]) -> list[str]:
    """Return lines in a box; a Chinese character is as wide as two Latin ones."""
    inner = max(map(_width, lines))
    body = [f"│ {line}{' ' * (inner - _width(line))} │" for line in lines]
    return [f"┌{'─' * (inner + 2)}┐", *body, f"└{'─' * (inner + 2)}┘"]


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _wait(go_on: Callable[[], bool]) -> None:
    """Wait for a signal, or until the window is closed."""
    never = threading.Event()
    with contextlib.suppress(KeyboardInterrupt):
        while go_on():
            never.wait(_LOOK_INTERVAL)


if __name__ == "__main__":
    sys.exit(main())

"""Log in to an example site on this computer, with a virtual card: no line is written for it.

    python -m agent.portal.demo.site            starts site and agent, and opens a browser
    python -m agent.portal.demo.site --check    logs in headless, and asks the server about it

All processes that it starts end with it, and the user's own files are not changed.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from agent.errors import AgentError
from agent.portal.demo import browser as demo_browser
from agent.portal.demo.check import CheckContext, DemoCitizen
from agent.portal.demo.children import Child, Children, DemoError
from agent.portal.demo.play import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_STOPPED,
    emptied,
    make_card,
    state_directory,
)
from agent.portal.demo.programs import DemoPrograms, Ports
from agent.portal.demo.site_check import PLAIN, check_site
from agent.portal.demo.site_server import USUAL
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

SITE_PORT: Final = 8000
"""Where the site is for a person, if no other program has this port."""
GENERATION: Final = "2"
COPIED: Final = (
    ("site.copy_server", "agent/relying/examples/flask_app.py"),
    ("site.copy_page", "agent/web/sdk/examples/server.py · plain.html · plain.js · headers.txt"),
    ("site.copy_kit", "agent/web/sdk/*.js"),
    ("site.copy_read", "agent/web/sdk/README.md · agent/relying/README.md"),
)
ANSWERS: Final = (
    {"kind": "allow_site", "answer": "always"},
    {"kind": "enter_pin", "answer": {"pin": "card"}},
)
"""What is answered in the citizen's place where no window can be shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit status: 0, 1 failed, 130 a check that was stopped."""
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
        prog="python -m agent.portal.demo.site", description="Log in to an example site."
    )
    parser.add_argument("--check", action="store_true", help="do it headless, and ask the server")
    parser.add_argument("--shots", type=Path, metavar="DIR", help="where the pictures go")
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="keep the state here (default: nowhere)"
    )
    return parser


def _run(options: argparse.Namespace, stack: ExitStack) -> None:
    state = state_directory(options.state_dir, stack)
    report("making a virtual card")
    citizen = make_card(state, GENERATION)
    children = stack.enter_context(Children(emptied(state / "logs")))
    asks = not options.check and demo_browser.can_show_windows()
    programs = _programs(children, state, Ports.choose(usual=not options.check), asks=asks)
    report("starting the agent")
    programs.start_agent()
    report("starting the site, an example in Flask")
    programs.url = _start_site(programs, citizen, 0 if options.check else SITE_PORT)
    home = emptied(state / "browser")
    if options.check:
        _check(programs, citizen, home, options.shots)
        return
    window = _open_window(programs, home)
    print("\n".join(boxed(_lines(programs, citizen, window))), flush=True)  # noqa: T201
    wait_while(lambda: window is None or window.process.poll() is None)


def _open_window(programs: DemoPrograms, home: Path) -> Child | None:
    """Open the site in a browser that trusts the demo's agent; None where that is impossible."""
    chromium = demo_browser.find_chromium()
    if chromium is None or not demo_browser.can_make_home() or not demo_browser.has_display():
        return None
    demo_browser.make_home(home, programs.authority)
    command = demo_browser.window_command(chromium, home, programs.url)
    return programs.children.start("browser", command, demo_browser.environment(home))


def _programs(children: Children, state: Path, ports: Ports, *, asks: bool) -> DemoPrograms:
    """Prepare the agent: its own windows ask the person, or rules answer."""
    answers = state / "answers.json"
    # another way: the demo's own folder, and the same text each time
    answers.write_text(json.dumps(ANSWERS), encoding="utf-8")
    words = ["--provider", "virtual", "--virtual-card", str(state / "card.json")]
    words += [] if asks else ["--answers", str(answers)]
    return DemoPrograms(children, state, ports, words, consent="ask")


def _start_site(programs: DemoPrograms, citizen: DemoCitizen, port: int) -> str:
    """Start the site; return its address."""
    words = ["--state-dir", str(programs.state), "--port", str(port), "--pin", citizen.pin]
    words += ["--agent-ports", str(programs.ports.tls), str(programs.ports.ping)]
    site = programs.children.start_module("site", "agent.portal.demo.site_server", *words)
    return f"http://localhost:{site.wait_ready()['port']}/"


def _lines(programs: DemoPrograms, citizen: DemoCitizen, window: Child | None) -> list[str]:
    """Return what the person is told."""
    facts = (("address", programs.url), ("name", citizen.name), ("pin", citizen.pin))
    asks = "--answers" not in programs.card_arguments
    return [
        say("site.title"),
        "",
        *columns([(say(key), fact) for key, fact in facts]),
        "",
        say("site.shows"),
        say("site.asks" if asks else "site.answers"),
        *([] if programs.ports == USUAL else [say("site.elsewhere")]),
        "",
        say("site.copy"),
        *columns([(say(key), path) for key, path in COPIED]),
        *([say("site.plain", address=programs.url + PLAIN)] if programs.ports == USUAL else []),
        "",
        say("stop"),
        *([] if window else trust_lines(programs.authority)),
    ]


def _check(programs: DemoPrograms, citizen: DemoCitizen, home: Path, wanted: Path | None) -> None:
    shots = wanted or Path(tempfile.mkdtemp(prefix="ankong-demo-shots-"))
    shots.mkdir(parents=True, exist_ok=True)
    demo_browser.make_home(home, programs.authority)
    context = CheckContext(
        programs.url, home, shots, programs.start_agent, programs.stop_agent, report
    )
    try:
        seconds = check_site(context, citizen.name, programs.ports)
    finally:
        print(f"screenshots: {shots}", flush=True)  # noqa: T201  # this is a command-line tool
    print(f"login ok: the server verified {citizen.name} in {seconds:.1f} s", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

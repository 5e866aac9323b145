"""``ankong setup`` and ``ankong quit``: what installers and uninstallers call."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from agent.commands.output import log_aside, say, say_json
from agent.host.autostart import Autostart, autostart, start_command
from agent.host.instance.quitting import end_running
from agent.host.machine.paths import Paths
from agent.host.tls.machine import Machine
from agent.host.tls.trust import Trust
from agent.setup import record
from agent.setup.complete import Completion, Wishes
from agent.setup.report import Step
from agent.setup.undo import Undoing
from agent.words import Language

_SPOKEN = (Language.CHINESE, Language.ENGLISH)


def leave(options: argparse.Namespace) -> int:
    """Ask the running agent to end and wait until it has; fail where it would not."""
    log_aside()
    was_there = end_running(Paths.choose(options.state_dir))
    say("the agent has ended" if was_there else "no agent runs")
    return 0


def complete(options: argparse.Namespace) -> int:
    """Do what is left to do for this user; fail where a step did."""
    log_aside()
    places = Paths.choose(options.state_dir)
    wishes = Wishes(autostart=options.autostart, trust=options.trust is not False)
    steps = Completion(places, _trust(places), _autostart(options), wishes).run()
    return _say(options, steps)


def complete_once(state_dir: Path | None) -> None:
    """Set the program up for this user unless that is done; whether it starts at login stays.

    A package is installed for everybody, so nobody has done it for this user yet; the doctor
    tells of what could not be done.
    """
    places = Paths.choose(state_dir)
    found = record.read(places.installed)
    if found is not None and found.complete:
        return
    way = autostart(start_command(state_dir))
    wishes = Wishes(autostart=way is not None and way.is_on())
    Completion(places, _trust(places), way, wishes).run()


def undo(options: argparse.Namespace) -> int:
    """Undo it; fail where a step did."""
    log_aside()
    places = Paths.choose(options.state_dir)
    steps = Undoing(places, _trust(places), _autostart(options), forget=options.forget).run()
    return _say(options, steps)


def _trust(places: Paths) -> Trust:
    return Trust(places.trust, Machine())


def _autostart(options: argparse.Namespace) -> Autostart | None:
    return autostart(start_command(options.state_dir))


def _say(options: argparse.Namespace, steps: Sequence[Step]) -> int:
    all_well = all(step.ok for step in steps)
    if options.json:
        say_json({"ok": all_well, "steps": [step.as_json() for step in steps]})
    else:
        for step in steps:
            words = " ".join(step.said(language) for language in _SPOKEN)
            say(f"{'✓' if step.ok else '✗'} {words}")
    return 0 if all_well else 1

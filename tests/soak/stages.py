"""The stages of the soak: signatures, hands, daemons, sites, programs, a sleeping computer."""

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from tests.soak.other_program import HABITS
from tests.soak.stand import SITES, EndlessError, Site, Stand, run_in_threads
from tests.soak.table import Stage

SAMPLE = 100  # signatures between two looks at the memory
ASKING_SITES = 5
PULLED_DURING_REQUEST = 3  # each cycle of so many
LONGEST_BEFORE_PULL = 0.04  # seconds from a request to a pull: longer than it takes
REMOVAL_SECONDS = 1.2  # pcscd looks every 0.4 s
ASLEEP_SECONDS = 2.0
CROWD_REFUSALS = frozenset({"busy", "rate_limited"})
SHARED_REFUSALS = frozenset({"busy"})


@dataclass(frozen=True)
class Effort:
    """How often each thing is done."""

    signatures: int = 20_000
    plug_cycles: int = 300
    service_restarts: int = 50
    at_once: int = 50
    sleeps: int = 12


SHORT = Effort(signatures=300, plug_cycles=3, service_restarts=2, sleeps=3)


def run_stages(stand: Stand, effort: Effort) -> Iterator[Stage]:
    """Run every stage, one after the other."""
    yield _signatures(stand, effort.signatures)
    yield _plug_cycles(stand, effort.plug_cycles)
    yield _service_restarts(stand, effort.service_restarts)
    yield _at_once(stand, effort.at_once)
    yield from (_two_programs(stand, habit) for habit in HABITS)
    yield _sleeps(stand, effort.sleeps)


def _signatures(stand: Stand, count: int) -> Stage:
    with stand.stage(f"{count} signatures on two readers") as stage:

        def sign(slot: int) -> None:
            with stand.site() as site:
                for number in range(count // 2):
                    name = SITES[(2 * number + slot) % len(SITES)]
                    code = stand.sign(stage, site, name, slot)
                    if code is not None:
                        stage.wrong.append(f"signature {number} on reader {slot}: {code}")
                    if slot == 0 and number % SAMPLE == 0:
                        stage.memory.append((2 * number, stand.memory()))

        run_in_threads([partial(sign, slot) for slot in (0, 1)])
    return stage


def _plug_cycles(stand: Stand, count: int) -> Stage:
    random = Random(9)  # noqa: S311  # the same moments in every run
    with stand.stage(f"{count} cards pulled and put back") as stage, stand.site() as site:
        for number in range(count):
            slot = number % 2
            if number % PULLED_DURING_REQUEST:
                stand.pull(slot)
            else:
                with _request_under_way(stand, stage, slot):
                    time.sleep(random.uniform(0, LONGEST_BEFORE_PULL))
                    stand.pull(slot)
            stand.await_cards(1 - slot)
            stand.put_in(slot)
            stand.await_cards(0, 1)
            _require_signature(stand, stage, site, slot, f"cycle {number}")
    return stage


def _service_restarts(stand: Stand, count: int) -> Stage:
    random = Random(9)  # noqa: S311  # the same moments in every run
    with stand.stage(f"{count} restarts of the PC/SC daemon") as stage, stand.site() as site:
        for number in range(count):
            slot = number % 2
            with _request_under_way(stand, stage, slot):
                time.sleep(random.uniform(0, LONGEST_BEFORE_PULL))
                stand.end_service(kill=number % 4 < 2)
            stand.await_cards()
            stand.start_service()
            stand.await_cards(0, 1)
            _require_signature(stand, stage, site, slot, f"restart {number}")
    return stage


def _at_once(stand: Stand, count: int) -> Stage:
    name = f"{count} requests at once, {ASKING_SITES} sites, one reader"
    with stand.stage(name) as stage:
        begin = threading.Barrier(count)

        def ask(site_name: str) -> None:
            with stand.site() as site:
                begin.wait()
                try:
                    code = site.sign(site_name, stand.readers[0])
                except EndlessError:
                    stage.count_endless()
                else:
                    stage.count(code)

        stage.signatures = count
        names = itertools.islice(itertools.cycle(SITES[:ASKING_SITES]), count)
        run_in_threads([partial(ask, each) for each in names])
        _refuse_other_codes(stage, CROWD_REFUSALS)
        with stand.site() as site:
            _require_signature(stand, stage, site, 0, "afterwards")
    return stage


def _two_programs(stand: Stand, habit: str) -> Stage:
    with stand.stage(f"another program: {habit}") as stage, stand.site() as site:
        with _other_program(stand, habit) as is_running:
            for number in itertools.count():
                stand.sign(stage, site, SITES[number % len(SITES)], 0)
                if not is_running():
                    break
        _refuse_other_codes(stage, SHARED_REFUSALS)
        _require_signature(stand, stage, site, 0, "afterwards")
    return stage


def _sleeps(stand: Stand, count: int) -> Stage:
    with stand.stage(f"{count} times asleep and awake") as stage, stand.site() as site:
        for number in range(count):
            slot = number % 2
            with stand.asleep():
                if number % 3 == 0:
                    time.sleep(ASLEEP_SECONDS)
                elif number % 3 == 1:
                    stand.pull(slot)
                    time.sleep(REMOVAL_SECONDS)
                    stand.put_in(slot)
                    time.sleep(REMOVAL_SECONDS)
                else:
                    stand.end_service(kill=False)
                    stand.start_service()
                    time.sleep(REMOVAL_SECONDS)
            stand.await_cards(0, 1)
            _require_signature(stand, stage, site, slot, f"sleep {number}")
    return stage


@contextmanager
def _request_under_way(stand: Stand, stage: Stage, slot: int) -> Iterator[None]:
    """Sign in another thread while the context lasts; it may fail, and has to end."""

    def sign() -> None:
        with stand.site() as site:
            stand.sign(stage, site, SITES[0], slot)

    thread = threading.Thread(target=sign)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextmanager
def _other_program(stand: Stand, habit: str) -> Iterator[Callable[[], bool]]:
    """Run another program on the first reader; give whether it still runs."""
    program = Path(__file__).with_name("other_program.py")
    command = [sys.executable, str(program), stand.readers[0], habit]
    environment = os.environ | stand.pcscd.environment()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            yield lambda: process.poll() is None
        finally:
            process.kill()


def _require_signature(stand: Stand, stage: Stage, site: Site, slot: int, when: str) -> None:
    code = stand.sign(stage, site, SITES[1], slot)
    if code is not None:
        stage.wrong.append(f"{when}: {code}")


def _refuse_other_codes(stage: Stage, allowed: frozenset[str]) -> None:
    stage.wrong += [f"{code} was answered" for code in stage.refused if code not in allowed]
    if not stage.ok:
        stage.wrong.append("no request was answered as asked")

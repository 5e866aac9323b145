"""Check whether the drivers of readers are made for this Mac's processor.

One that is not is never loaded, and nobody says so: its reader is just not there.
"""

from collections.abc import Iterator
from typing import Final

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
from agent.host.machine.reader_drivers import drivers_in_bundles
from agent.host.tls.machine import Machine

_ASK: Final = ("/usr/sbin/sysctl", "-n", "hw.optional.arm64")
"""Tells of the computer; ``uname`` tells of the program, which may be one for Intel."""
APPLE: Final = "arm64"
INTEL: Final = "x86_64"


def check_reader_drivers(installation: InstalledAgent) -> Iterator[Finding]:
    """Report of each driver on a Mac for which processors it is made."""
    machine = installation.machine
    if machine.platform != "darwin":
        return
    drivers = drivers_in_bundles(machine.root)
    processor = _processor(machine) if drivers else ""
    cards = installation.cards
    # A driver that is left over harms nobody who has a reader.
    unfit = note if cards is not None and cards.snapshot.readers else fault
    for driver in drivers:
        name, path, made_for = driver.name, str(driver.path), ", ".join(driver.processors)
        if not made_for:
            yield note("driver", "reader_driver_unknown", name=name, path=path)
        elif processor in driver.processors:
            yield ok("driver", "reader_driver_ok", name=name, path=path, made_for=made_for)
        else:
            yield unfit(
                "driver",
                "reader_driver_architecture",
                name=name,
                path=path,
                made_for=made_for,
                processor=processor,
            )


def _processor(machine: Machine) -> str:
    return APPLE if machine.run(_ASK).output.strip() == b"1" else INTEL

"""What an agent does not load at its start: what only some agents ever need."""

import json
import subprocess
import sys

import pytest

OPENED = "agent.cli, agent.commands.serve, tray.command, tray.program, tray.icon.system"
RUNNING = "agent.cli, agent.commands.serve, agent.commands.daemon_run"


def modules_after(imported: str) -> frozenset[str]:
    script = f"import json, sys, {imported}; json.dump(sorted(sys.modules), sys.stdout)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], check=True, capture_output=True, timeout=60
    )
    return frozenset(json.loads(done.stdout))


@pytest.fixture(scope="module")
def opened() -> frozenset[str]:
    """List the modules of an agent that is opened, and whose icon is about to be shown."""
    return modules_after(OPENED)


@pytest.fixture(scope="module")
def loaded() -> frozenset[str]:
    """List the modules of a daemon that has just begun to run."""
    return modules_after(RUNNING)


@pytest.mark.parametrize("module", ["aiohttp", "agent.web.front", "agent.web.panel.panel"])
def test_the_icon_does_not_wait_for_it(opened: frozenset[str], module: str) -> None:
    assert "tray.program" in opened
    assert module not in opened


@pytest.mark.parametrize(
    "module",
    [
        "asn1crypto",  # before the first card is read
        "agent.doctor",  # before somebody asks the doctor
        "agent.kits",
        "agent.portal",
        "agent.testkit",
        "agent.virtualcard",
        "publicsuffixlist",  # before a site is shown in a page
        "agent.documents",  # before somebody signs a document of their own
        "fontTools",  # the PDF worker alone
        "pyhanko",  # likewise
        "pyhanko_certvalidator",  # `ankong verify` alone
        "smartcard",  # PC/SC's own thread loads it
        "tkinter",
        "tray",
    ],
)
def test_it_waits_until_it_is_needed(loaded: frozenset[str], module: str) -> None:
    assert "agent.signing.service" in loaded
    assert not [name for name in loaded if name == module or name.startswith(f"{module}.")]

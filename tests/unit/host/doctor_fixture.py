"""An installation for the doctor to look at, as the command does."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.commands import doctor
from agent.host.machine.paths import Paths
from agent.transport.base import CardProvider
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import VirtualProvider

needs_certutil = pytest.mark.skipif(
    shutil.which("certutil") is None or sys.platform != "linux", reason="needs libnss3-tools"
)


@dataclass
class DoctorFixture:
    """One installation, in order, and ways to look at it as a citizen would."""

    paths: Paths
    home: Path
    provider: Callable[[], CardProvider]
    capsys: pytest.CaptureFixture[str]
    issuer: Path

    def run(self, *, repair: str | None = None, bundle: Path | None = None) -> tuple[int, Any]:
        """Run the command; give its exit status and its JSON."""
        options = doctor.DoctorOptions(
            state_dir=self.paths.state, repair=repair, bundle=bundle, json=True
        )
        self.capsys.readouterr()
        status = doctor.run(options, self.provider)
        return status, json.loads(self.capsys.readouterr().out)

    def faults(self) -> dict[str, dict[str, Any]]:
        """Return the faults by their codes."""
        status, answer = self.run()
        found = {row["code"]: row for row in answer["findings"] if row["level"] == "fault"}
        assert answer["clean"] == (not found)
        assert status == (1 if found else 0)
        return found


def with_card(card: VirtualCard | None) -> Callable[[], CardProvider]:
    def make() -> CardProvider:
        provider = VirtualProvider()
        if card is not None:
            provider.insert(provider.readers()[0].name, card)
        return provider

    return make

"""Every locked package has a wheel for both kinds of Mac, so that nothing is compiled there."""

import pytest
from devkit.shell import SetupError
from macos.build.installer import MACHINES, NO_WHEELS, resolve_wheels

# The builder looks for the same wheels, and does in the gate.
pytestmark = [pytest.mark.artefact, pytest.mark.long]


@pytest.mark.parametrize("machine", MACHINES)
def test_wheels_are_found(machine: str) -> None:
    resolve_wheels(machine)


def test_what_is_said_to_have_none_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NO_WHEELS, "x86_64", ())
    with pytest.raises(SetupError, match="x86_64"):
        resolve_wheels("x86_64")

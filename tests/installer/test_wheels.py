"""The agent and the portal are two distributions that share one package."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from agent import __version__

ROOT = Path(__file__).resolve().parents[2]


def build(folder: Path, target: Path) -> Path:
    """Build the wheel of the distribution in ``folder``."""
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    target = tmp_path_factory.mktemp("wheels")
    return (
        build(ROOT, target / "agent"),
        build(ROOT / "agent" / "portal", target / "portal"),
    )


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def sources(folder: str) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*.py")}


def test_the_agents_wheel_has_the_virtual_card_and_nothing_of_the_portal(
    wheels: tuple[Path, Path],
) -> None:
    shipped = names(wheels[0])
    code = {name for name in shipped if name.endswith(".py")}
    apart = ("portal", "kits", "validator", "relying/examples", "web/sdk/examples")
    unshipped = set().union(*(sources(f"agent/{each}") for each in apart))
    assert code == (sources("agent") | sources("tray")) - unshipped
    assert "agent/virtualcard/card.py" in shipped
    assert "agent/web/native/openapi.json" in shipped
    assert "agent/relying/pyproject.toml" not in shipped
    unwanted = ("portal", "kits", "node_modules", "README", "DECISIONS")
    assert not [name for name in shipped for word in unwanted if word in name]


def test_the_portals_wheel_has_the_portal_alone_and_needs_the_agent(
    wheels: tuple[Path, Path],
) -> None:
    shipped = names(wheels[1])
    assert {name for name in shipped if name.endswith(".py")} == sources("agent/portal")
    assert "agent/portal/static/index.html" in shipped
    assert not [name for name in shipped if not name.startswith("agent/portal/")]
    assert not shipped & {"agent/portal/pyproject.toml", "agent/portal/README.md"}
    with zipfile.ZipFile(wheels[1]) as archive:
        metadata = archive.read(f"ankong_portal-{__version__}.dist-info/METADATA").decode()
    assert f"Requires-Dist: ankong=={__version__}\n" in metadata


def test_together_they_are_one_package(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tmp_path)
    code = "import sys; sys.path.insert(0, sys.argv[1])\n"
    code += "import agent.portal.app, agent.virtualcard.card; print(agent.portal.app.__file__)"
    command = [sys.executable, "-I", "-c", code, tmp_path]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == str(tmp_path / "agent" / "portal" / "app.py")

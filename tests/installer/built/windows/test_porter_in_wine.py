"""The porter as a service, an agent and a browser's part in Wine, with the porter's own code.

Wine tells nobody whose a connection is, and everything in it is one user's: those two things the
test says (see ``porter_as_service.py`` and ``porter_driver.py``). That a porter keeps two users
apart, only a Windows with two of them can show.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from windows.build import windows_python, wine
from windows.build.wine import CACHE, windows_path

from agent.portal.demo.programs import free_port
from agent.testkit.card_files import KitIssuer

DRIVER = Path(__file__).with_name("porter_driver.py")
CHANGE_NOTIFY = 23
# One Windows for all of them, which takes half a minute.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("porter in Wine")]


@pytest.fixture(scope="module")
def two_ports() -> list[int]:
    found = {free_port() for _ in range(8)}
    return sorted(found)[:2]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, two_ports: list[int]) -> dict[str, Any]:
    """Run all of it once; what became of it is judged below."""
    if sys.platform != "linux" or shutil.which("wine") is None:
        pytest.skip("Wine is needed: apt-get install wine wine64")
    python = windows_python.ensure()
    folder = tmp_path_factory.mktemp("porter")
    state = folder / "agent"
    state.mkdir()
    (state / "config.toml").write_text("check_peer = false\n")
    card = KitIssuer(folder / "issuer").make_card(folder, name="USER", pin="123456").path
    with wine.prefix(CACHE / "tests" / f"porter-{os.getpid()}") as prefix:
        places = (windows_path(state), windows_path(card))
        status, printed = prefix.run(python, windows_path(DRIVER), *map(str, two_ports), *places)
    assert status == 0, printed
    told: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    return told


def test_a_service_starts_stops_and_starts_again(found: dict[str, Any]) -> None:
    assert found["exit"] == 0
    assert found["again"]


def test_an_agent_hears_that_the_porter_has_died(found: dict[str, Any]) -> None:
    assert found["crash"] == "None"


def test_a_pipe_that_the_system_did_not_make_is_no_porter(found: dict[str, Any]) -> None:
    assert "taken for" not in found["squatter"]


def test_who_has_no_agent_reads_why(found: dict[str, Any]) -> None:
    assert found["nobody"].startswith("HTTP/1.1 503 ")
    assert "安控" in found["nobody"]
    assert found["killed"] == 503


def test_who_says_nothing_or_nonsense_keeps_nobody_out(
    found: dict[str, Any], two_ports: list[int]
) -> None:
    assert found["strangers"] == {"ports": two_ports}


def test_an_agent_in_another_process_serves_what_it_is_handed(
    found: dict[str, Any], two_ports: list[int]
) -> None:
    assert found["processes"] == 2
    assert found["served"] == [200] * 20
    assert found["porter"] == found["again"] == two_ports


def test_the_service_keeps_the_privilege_of_everybody_alone(found: dict[str, Any]) -> None:
    assert found["rights before"] > 1
    assert found["rights"] == [CHANGE_NOTIFY]

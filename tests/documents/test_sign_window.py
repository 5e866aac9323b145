"""``ankong sign --window``: the agent is started if need be, the panel is opened once."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.cli import run
from agent.commands import sign_window
from agent.commands.sign_window import place_of, sign_in_window
from agent.documents.baskets import BasketFolder
from agent.errors import AgentError, ErrorCode
from agent.host.instance.panel_key import PanelKey
from agent.host.instance.record import read_record, write_record
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.choose(tmp_path / "state")


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Sequence[str]]]:
    """Return the commands with which agents were started; none of them opens a port."""
    started: list[Sequence[str]] = []
    with ExitStack() as stack:

        def start(where: Paths, command: Sequence[str]) -> None:
            started.append(command)
            stack.enter_context(Instance(where))
            record = read_record(where.instance)
            assert record is not None
            PanelKey.create(where.panel_key)
            write_record(where.instance, type(record)(pid=record.pid, port=28443))

        monkeypatch.setattr("agent.host.instance.starting.start_agent", start)
        monkeypatch.setattr("agent.commands.setup.complete_once", lambda _: None)
        yield started


def basket_in(address: str, paths: Paths) -> list[str]:
    identifier = address.partition("&basket=")[2].partition("&")[0]
    return [each.place.name for each in BasketFolder(paths.baskets).take(identifier).files]


def test_the_agent_is_started_once_and_the_page_opened_with_the_basket(
    paths: Paths, agents: list[Sequence[str]], tmp_path: Path
) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF")
    opened: list[str] = []

    def open_page(address: str) -> bool:
        opened.append(address)
        return True

    for _ in range(2):
        assert sign_in_window([file], paths.state, open_page) == 0
        assert basket_in(opened[-1], paths) == ["a.pdf"]
    (command,) = agents
    assert command[-2:] == ("--state-dir", str(paths.state))
    assert all("page=sign&basket=" in each and str(tmp_path) not in each for each in opened)


def test_who_joins_opens_nothing(paths: Paths, agents: list[Sequence[str]], tmp_path: Path) -> None:
    paths.prepare()
    folder = BasketFolder(paths.baskets)
    assert folder.put([])
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF")
    assert sign_in_window([file], paths.state, lambda _: pytest.fail("opened")) == 0
    assert agents == []
    assert [each.place for each in folder.take(folder.close()).files] == [file]


def test_without_an_agent_it_says_so(
    paths: Paths,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def start(*_: object) -> None:
        raise AgentError("it ended at once", code=ErrorCode.TIMEOUT)

    monkeypatch.setattr("agent.host.instance.starting.start_agent", start)
    monkeypatch.setattr("agent.commands.setup.complete_once", lambda _: None)
    state = ["--state-dir", str(paths.state)]
    assert run(["sign", *state, "--window", "--", str(tmp_path / "-x")]) == 1
    assert capsys.readouterr().err.startswith("ankong:")


def test_all_but_one_of_a_crowd_only_put_their_file(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, agents: list[Sequence[str]]
) -> None:
    monkeypatch.setattr(Paths, "choose", lambda _=None: paths)
    monkeypatch.setattr(sign_window, "_begun", begun := [])
    files = [tmp_path / name for name in ("a.pdf", "b.pdf")]
    assert not sign_window.joins([str(files[0])])  # it began, and goes on
    began = begun.pop()
    assert sign_window.joins([str(files[1])])
    begun.append(began)
    opened: list[str] = []
    assert sign_in_window([files[0]], None, lambda address: opened.append(address) or True) == 0  # type: ignore[func-returns-value]
    assert basket_in(opened[0], paths) == ["a.pdf", "b.pdf"]
    assert len(agents) == 1


def test_those_load_little(tmp_path: Path) -> None:
    listed = "import sys; sys.argv[1:] = ['sign', '--window', '--']; import tray.__main__ as main"
    told = "import agent.commands.sign_window; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"{listed}; {told}"], capture_output=True, check=True, cwd=tmp_path
    )
    loaded = set(done.stdout.decode().split())
    assert not loaded & {"agent.cli", "agent.documents.signing", "agent.commands.sign", "argparse"}
    assert not {each for each in loaded if each.startswith(("cryptography", "aiohttp"))}


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("/a b/c.pdf", "/a b/c.pdf"),
        ("c%20d.pdf", "c%20d.pdf"),
        ("file:///a%20b/c%27%22.pdf", "/a b/c'\".pdf"),
        ("file://localhost/a", "/a"),
        ("file:///localhostile", "/localhostile"),
        ("sftp://host/a.pdf", "sftp:/host/a.pdf"),
    ],
)
def test_an_address_of_this_computer_names_a_path(named: str, place: str) -> None:
    assert place_of(Path(named)) == Path(place)

"""Where an agent lets tests control it, and where it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.commands import daemon
from agent.commands.parser import EXIT_USAGE, UnfitOptionsError
from agent.commands.serve import ServeOptions
from agent.errors import BadRequestError, ServiceUnavailableError
from agent.host.settings.policy import Policy
from agent.host.settings.policy_rules import SiteRules
from agent.testkit.agent_process import running_agent
from agent.testkit.mistakes import RefusedControlError
from agent.testkit.testing import AgentTesting
from agent.words import Language
from tests.testkit.conftest import Stand
from tray.icon.texts import load_texts
from tray.icon.view import TrayState, make_view

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("words", [("--test-control",), ("--answers", "answers.json")])
@pytest.mark.parametrize("provider", [(), ("--provider", "pcsc")])
def test_real_readers_are_nothing_for_tests(
    words: tuple[str, ...], provider: tuple[str, ...], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "serve", "--state-dir", str(tmp_path), *words, *provider],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (EXIT_USAGE, "")
    assert "--test-control" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_installed_program_has_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "agent.testkit.testing", None)
    with pytest.raises(UnfitOptionsError):
        _ = ServeOptions(provider="virtual", test_control=True).daemon
    assert ServeOptions(provider="virtual").daemon.testing is None


def planted() -> Policy:
    policy = Policy()
    policy.planted = "somebody else's"
    return policy


@pytest.mark.parametrize(
    "policy",
    [
        Policy(SiteRules(), source=Path("policy.toml")),
        Policy.unusable(Path("policy.toml"), "not TOML"),
        planted(),
    ],
    ids=["policy", "unusable", "planted"],
)
def test_a_computer_with_a_policy_is_nothing_for_tests(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon.Policy, "of_this_computer", lambda _: policy)
    for name in ("leave_no_core", "raise_descriptor_limit", "shut_others_out"):
        monkeypatch.setattr(daemon, name, lambda: None)  # they are about this whole process
    options = ServeOptions(provider="virtual", state_dir=tmp_path, test_control=True).daemon
    with pytest.raises(BadRequestError), daemon.opened(options):
        pass


def test_pyscard_is_asked_for_where_real_readers_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(ServiceUnavailableError, match=r"pip install 'ankong\[pcsc\]'"):
        ServeOptions(provider="pcsc").open_provider()


def test_only_virtual_readers_are_taken_hold_of() -> None:
    class Real:
        kind = "pcsc"

        def close(self) -> None:
            self.closed = True

    real = Real()
    with pytest.raises(Exception, match="virtual"):
        AgentTesting(lambda: real, listens=True).open_provider()  # type: ignore[arg-type,return-value]
    assert real.closed


def test_answers_of_a_file_need_no_control(running: Stand, tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"kind": "enter_pin", "answer": {"pin": "card"}}]))
    options = ServeOptions(virtual_card=(running.card.path,), answers=answers)
    made = options.daemon
    assert made.testing is not None
    assert not made.testing.listens
    assert [rule.kind for rule in made.testing.prompter.rules.left()] == ["enter_pin"]
    answers.write_text(json.dumps([{"kind": "enter_pin", "answer": {"pim": "card"}}]))
    with pytest.raises(RefusedControlError, match=r"\$\[0\]\.answer\.pim"):
        _ = options.daemon


def test_answers_of_a_file_are_back_after_a_reset(running: Stand, tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"kind": "allow_site", "answer": "never", "times": 1}]))
    state = tmp_path / "agent"
    state.mkdir(mode=0o700)
    with running_agent(state, f"--answers={answers}") as agent:
        other = Stand(agent, running.issuer, running.card, state)
        for _ in range(2):
            assert other.ask("connect")["error"]["code"] == "origin_blocked"
            assert agent.control.call("GET", "answers") == {"answers": []}
            agent.reset()
        assert len(agent.control.call("GET", "answers")["answers"]) == 1


def test_the_doctor_and_the_icon_say_so(running: Stand) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "doctor", "--json", "--state-dir", str(running.state)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert "agent_testing" in {each["code"] for each in json.loads(done.stdout)["findings"]}
    for language in Language:
        texts = load_texts(language)
        assert texts.testing in make_view(TrayState(testing=True), texts).title
        assert texts.testing not in make_view(TrayState(), texts).title

"""What becomes of a challenge, step by step, as the vectors say: by our own store and verifier."""

import secrets
from datetime import datetime
from typing import Any

import pytest

from agent.relying import LoginVerifier, Purpose, RefusedError
from agent.relying.challenges import Challenges
from agent.relying.stores import MemoryStore
from tests.kits.vector_runner import CASES, FOLDER, MESSAGES, STEPS, challenge, expected, verifier

Step = dict[str, str]


class Site:
    """A site that has given out at most one challenge."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.now = datetime.fromisoformat(case["steps"][0]["at"])
        self.verifier: LoginVerifier = verifier(case)
        self.challenges = Challenges(MemoryStore(), clock=lambda: self.now)
        self.id = secrets.token_urlsafe(16)

    async def do(self, step: Step) -> str:
        self.now = datetime.fromisoformat(step["at"])
        purpose = Purpose(step["purpose"])
        if step["do"] == "issue":
            self.id = (await self.challenges.issue(step["session"], purpose)).id
            return "issued"
        token = (FOLDER / step["file"]).read_bytes()
        try:
            wanted = await self.challenges.redeem(step["session"], self.id, token, purpose=purpose)
            await self.verifier.verify(token, challenge=wanted, purpose=purpose)
        except RefusedError as error:
            return error.code.value
        return "ok"


@pytest.mark.parametrize("name", STEPS)
async def test_our_store_says_what_is_expected(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    monkeypatch.setattr(secrets, "token_bytes", lambda size: challenge(case)[:size])
    site = Site(case)
    for step in case["steps"]:
        assert await site.do(step) == step.get("expect", "issued"), step


@pytest.mark.parametrize("name", STEPS)
def test_each_step_sends_a_message_that_has_a_case(name: str) -> None:
    case = CASES[name]
    others = {CASES[each]["file"]: CASES[each] for each in MESSAGES}
    sent = [step for step in case["steps"] if step["do"] == "redeem"]
    for step in sent:
        assert others[step["file"]]["challenge"] == case["challenge"]
        if not step["expect"].startswith("challenge_"):
            assert step["expect"] == expected(others[step["file"]])[0]
    assert (sent[-1]["expect"], sent[-1]["file"]) == (case["expect"], case["file"])
    times = [step["at"] for step in case["steps"]]
    assert times == sorted(times)
    assert {step["do"] for step in case["steps"]} <= {"issue", "redeem"}

"""The results of a setup or uninstall, step by step: for people in words, for programs as JSON.

A step that fails is reported, and the others still run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from agent.errors import AgentError
from agent.words import Language, say

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step ended; a step may have several results, such as one for each trust store.

    Attributes:
        step: the name of the step.
        ok: whether all is as it should be now.
        code: what happened; stable, and the catalogue's key of the message, without "setup.".
        facts: the values of the message's placeholders.

    """

    step: str
    ok: bool
    code: str
    facts: Mapping[str, str] = field(default_factory=dict)

    def message(self, language: Language) -> str:
        """Return the sentence that a person reads."""
        return say(language, f"setup.{self.code}", self.facts)

    def as_json(self) -> dict[str, Any]:
        """Return the result as a JSON object, with the message in every language."""
        return {
            "step": self.step,
            "ok": self.ok,
            "code": self.code,
            "message": {str(language): self.message(language) for language in Language},
            "facts": dict(self.facts),
        }


StepFunction = Callable[[], Iterable[StepResult]]


def done(step: str, code: str, **facts: str) -> StepResult:
    """Return the result of a step that succeeded."""
    return StepResult(step, ok=True, code=code, facts=facts)


def failed(step: str, code: str, **facts: str) -> StepResult:
    """Return the result of a step that failed."""
    return StepResult(step, ok=False, code=code, facts=facts)


def run_steps(steps: Mapping[str, StepFunction]) -> Sequence[StepResult]:
    """Run each step in turn, whether or not those before it failed; never raises.

    Args:
        steps: by name; a step that raises yields the code "NAME_failed".

    """
    return [result for name, step in steps.items() for result in _run_step(name, step)]


def _run_step(name: str, step: StepFunction) -> Sequence[StepResult]:
    try:
        return list(step())
    except AgentError as error:
        detail = error.detail
    except OSError as error:
        detail = str(error)
    except Exception as error:  # noqa: BLE001  # the others must still run
        _log.exception("a step of the setup failed", step=name)
        detail = type(error).__name__
    return [failed(name, f"{name}_failed", detail=detail)]

"""What setting up or undoing it did, step by step: for people in their words, for programs as JSON.

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
class Step:
    """How one step ended.

    Attributes:
        step: which.
        ok: whether all is now as it should be.
        code: what exactly happened; stable, and the key to the words.
        facts: what the words leave open.

    """

    step: str
    ok: bool
    code: str
    facts: Mapping[str, str] = field(default_factory=dict)

    def said(self, language: Language) -> str:
        """Return the words in a language."""
        return say(language, f"setup.{self.code}", self.facts)

    def as_json(self) -> dict[str, Any]:
        """Return the form for programs."""
        return {
            "step": self.step,
            "ok": self.ok,
            "code": self.code,
            "message": {str(language): self.said(language) for language in Language},
            "facts": dict(self.facts),
        }


Work = Callable[[], Iterable[Step]]


def done(step: str, code: str, **facts: str) -> Step:
    """Report what is as it should be."""
    return Step(step, ok=True, code=code, facts=facts)


def failed(step: str, code: str, **facts: str) -> Step:
    """Report what is not."""
    return Step(step, ok=False, code=code, facts=facts)


def carry_out(works: Mapping[str, Work]) -> Sequence[Step]:
    """Do one piece of work after the other, whatever becomes of each; never raises.

    Args:
        works: by the name of the step.

    """
    return [step for name, work in works.items() for step in _carefully(name, work)]


def _carefully(name: str, work: Work) -> Sequence[Step]:
    try:
        return list(work())
    except AgentError as error:
        detail = error.detail
    except OSError as error:
        detail = str(error)
    except Exception as error:  # noqa: BLE001  # the others must still run
        _log.exception("a step of the setup failed", step=name)
        detail = type(error).__name__
    return [failed(name, f"{name}_failed", detail=detail)]

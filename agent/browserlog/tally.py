"""Count the requests to each endpoint; however many there are, little is kept of them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from agent.browserlog.answers import SILENCE, RequestAnswer
from agent.browserlog.endpoint import LoopbackEndpoint

MAX_ENDPOINTS: Final = 500
_MAX_SECONDS: Final = 7 * 24 * 60 * 60  # nobody records for longer; other numbers are not times


@dataclass(slots=True)
class LoopbackRequest:
    """A request that may not have ended yet.

    Attributes:
        endpoint: where it went.
        answer: what became of it so far.

    """

    endpoint: LoopbackEndpoint
    answer: RequestAnswer = SILENCE

    def learn(self, answer: RequestAnswer | None) -> None:
        """Take in what the file tells next; None changes nothing."""
        if answer is not None and not self.answer.is_final:
            self.answer = answer


@dataclass(slots=True)
class TriedEndpoint:
    """An endpoint, and what became of the requests to it.

    Attributes:
        endpoint: where.
        seconds: when it was first tried, from the beginning of the file; None where that is not
            known.
        answers: how many requests had each answer, in the order in which those first came.

    """

    endpoint: LoopbackEndpoint
    seconds: float | None
    answers: Counter[RequestAnswer] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many requests there were."""
        return self.answers.total()


class LoopbackTally:
    """What a file tells of this computer's endpoints.

    Attributes:
        has_more: whether there were more than :data:`MAX_ENDPOINTS`, which are not kept.

    """

    def __init__(self) -> None:
        self.has_more = False
        self._tried: dict[LoopbackEndpoint, TriedEndpoint] = {}

    @property
    def endpoints(self) -> tuple[TriedEndpoint, ...]:
        """The endpoints in the order in which they were first tried."""
        return tuple(self._tried.values())

    def begin(self, url: str, seconds: float | None) -> LoopbackRequest | None:
        """Take note of a request.

        Args:
            url: absolute.
            seconds: from the beginning of the file; None where that is not known.

        Returns:
            What is told of it later goes there, and then to :meth:`end`; None where it goes to
            another host, or has no place here.

        """
        endpoint = LoopbackEndpoint.of_url(url)
        if endpoint is None:
            return None
        if endpoint not in self._tried:
            if len(self._tried) >= MAX_ENDPOINTS:
                self.has_more = True
                return None
            known = seconds is not None and 0 <= seconds <= _MAX_SECONDS
            self._tried[endpoint] = TriedEndpoint(endpoint, seconds if known else None)
        return LoopbackRequest(endpoint)

    def end(self, request: LoopbackRequest) -> None:
        """Count a request that :meth:`begin` returned, once nothing more is told of it."""
        self._tried[request.endpoint].answers[request.answer] += 1

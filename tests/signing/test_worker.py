"""A reader's thread keeps nothing of an operation once it is answered."""

import gc
import weakref

import pytest

from agent.signing.worker import Worker


class Sent:
    """What a page sent."""


def test_an_operation_that_failed_keeps_nothing_that_its_caller_sent() -> None:
    worker = Worker("test")
    kept: list[weakref.ref[Sent]] = []

    def operation(sent: Sent) -> None:
        raise ValueError(type(sent).__name__)

    def ask() -> None:
        sent = Sent()
        kept.append(weakref.ref(sent))
        answer = worker.submit(operation, sent)
        try:
            answer.result(30)
        finally:
            del answer

    gc.collect()
    gc.disable()  # the collector would find what is kept in a circle, but nobody knows when
    try:
        with pytest.raises(ValueError, match="Sent"):
            ask()
        worker.stop()
        assert worker.join(30)
        assert [each() for each in kept] == [None]
    finally:
        gc.enable()

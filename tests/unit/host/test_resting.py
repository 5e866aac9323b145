"""An agent gives memory back after work: once, and not while it works."""

from agent.host.machine.resting import QUIET_ROUNDS, Resting


class Processor:
    """The time that a process took, and how often it rested."""

    def __init__(self) -> None:
        self.seconds = 1.0
        self.rests = 0

    def rest(self) -> None:
        self.rests += 1
        self.seconds += 0.02  # resting is work too


def rounds(resting: Resting, count: int) -> None:
    for _ in range(count):
        resting.check()


def after_the_start(processor: Processor) -> Resting:
    resting = Resting(lambda: processor.seconds, processor.rest)
    rounds(resting, 1)
    assert processor.rests == 1
    return resting


def test_it_rests_as_soon_as_the_start_is_over() -> None:
    processor = Processor()
    resting = Resting(lambda: processor.seconds, processor.rest)

    for _ in range(3):
        processor.seconds += 0.2
        resting.check()
    assert processor.rests == 0
    resting.check()
    assert processor.rests == 1


def test_it_rests_once_after_work_and_again_after_more() -> None:
    processor = Processor()
    resting = after_the_start(processor)

    for done in (2, 3):
        processor.seconds += 0.5
        rounds(resting, QUIET_ROUNDS * 5)
        assert processor.rests == done


def test_it_does_not_rest_while_there_is_work() -> None:
    processor = Processor()
    resting = after_the_start(processor)

    for _ in range(20):
        processor.seconds += 0.5
        rounds(resting, QUIET_ROUNDS)
    assert processor.rests == 1


def test_what_its_own_checks_cost_is_no_work() -> None:
    processor = Processor()
    resting = after_the_start(processor)

    for _ in range(QUIET_ROUNDS * 5):
        processor.seconds += 0.001
        resting.check()
    assert processor.rests == 1

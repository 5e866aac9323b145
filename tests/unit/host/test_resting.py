"""An agent gives memory back after work: once, if there is some, and not while it works."""

from agent.host.machine.resting import QUIET_ROUNDS, WORTH, Resting

HELD = 50_000_000  # bytes that an agent needs at rest


class Process:
    """The time that a process took, its memory, and how often it rested."""

    def __init__(self, held: int = HELD) -> None:
        self.seconds = 1.0
        self.held = held
        self.size = held + 20_000_000
        self.rests = 0

    def work(self, seconds: float, grown: int) -> None:
        self.seconds += seconds
        self.size += grown

    def rest(self) -> None:
        self.rests += 1
        self.seconds += 0.02  # resting is work too
        self.size = self.held

    def resting(self) -> Resting:
        return Resting(lambda: self.seconds, lambda: self.size, self.rest)


def rounds(resting: Resting, count: int) -> None:
    for _ in range(count):
        resting.check()


def after_the_start(process: Process) -> Resting:
    resting = process.resting()
    rounds(resting, 1)
    assert process.rests == 1
    return resting


def test_it_rests_as_soon_as_the_start_is_over() -> None:
    process = Process()
    resting = process.resting()

    for _ in range(3):
        process.work(0.2, WORTH)
        resting.check()
    assert process.rests == 0
    resting.check()
    assert process.rests == 1


def test_it_rests_once_after_work_and_again_after_more() -> None:
    process = Process()
    resting = after_the_start(process)

    for done in (2, 3):
        process.work(0.5, WORTH)
        rounds(resting, QUIET_ROUNDS * 5)
        assert process.rests == done


def test_it_rests_after_work_that_took_no_time_to_speak_of() -> None:
    process = Process()
    resting = after_the_start(process)

    process.work(0.004, 10_000_000)
    rounds(resting, QUIET_ROUNDS)
    assert process.rests == 2


def test_it_does_not_rest_while_there_is_work() -> None:
    process = Process()
    resting = after_the_start(process)

    for _ in range(20):
        process.work(0.5, WORTH)
        rounds(resting, QUIET_ROUNDS)
    assert process.rests == 1


def test_it_does_not_rest_where_there_is_nothing_to_give_back() -> None:
    process = Process()
    resting = after_the_start(process)

    for _ in range(QUIET_ROUNDS * 5):
        process.work(0.001, 100)
        resting.check()
    process.work(0.5, WORTH // 2)
    rounds(resting, QUIET_ROUNDS * 5)
    assert process.rests == 1


def test_what_an_agent_needs_at_rest_may_grow() -> None:
    process = Process(held=HELD + 5 * WORTH)

    rounds(process.resting(), QUIET_ROUNDS * 5)
    assert process.rests == 1


def test_nobody_rests_where_the_system_tells_no_size() -> None:
    process = Process()
    process.size = 0

    rounds(process.resting(), QUIET_ROUNDS * 5)
    assert process.rests == 0

"""Checks that are repeated together: one thread, one wake-up a round."""

import threading

from agent.periodic import INTERVAL, PeriodicChecks

PATIENCE = 30.0


def test_all_checks_run_in_one_thread_one_after_another() -> None:
    checks = PeriodicChecks(0.01)
    threads: list[threading.Thread] = []
    seen = threading.Event()

    def first() -> None:
        threads.append(threading.current_thread())

    def second() -> None:
        threads.append(threading.current_thread())
        seen.set()

    with checks.running(first), checks.running(second):
        assert seen.wait(PATIENCE)
    assert len(set(threads)) == 1


def test_a_check_that_raises_does_not_end_the_others() -> None:
    checks = PeriodicChecks(0.01)
    rounds = threading.Semaphore(0)

    def fail() -> None:
        raise OSError("the disk is gone")

    with checks.running(fail), checks.running(rounds.release):
        assert all(rounds.acquire(timeout=PATIENCE) for _ in range(3))


def test_what_a_removed_check_used_may_be_closed() -> None:
    checks = PeriodicChecks(0.0)
    closed = threading.Event()
    entered = threading.Event()
    late: list[bool] = []

    def check() -> None:
        entered.set()
        late.append(closed.is_set())

    for _ in range(50):
        entered.clear()
        closed.clear()
        with checks.running(check):
            assert entered.wait(PATIENCE)
        closed.set()
    assert not any(late)


def test_a_check_may_remove_itself() -> None:
    checks = PeriodicChecks(0.01)
    done = threading.Event()

    def check() -> None:
        remove()
        done.set()

    remove = checks.add(check)
    assert done.wait(PATIENCE)
    remove()


def test_the_thread_ends_with_the_last_check_and_starts_with_the_next() -> None:
    checks = PeriodicChecks(0.01)
    threads: list[threading.Thread] = []
    for _ in range(2):
        ran = threading.Event()

        def check(ran: threading.Event = ran) -> None:
            threads.append(threading.current_thread())
            ran.set()

        with checks.running(check):
            assert ran.wait(PATIENCE)
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert len(set(threads)) == 2


def test_an_idle_process_is_woken_less_than_once_a_second() -> None:
    assert INTERVAL > 1

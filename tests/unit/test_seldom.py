"""What others can make happen at will is logged once in a time, and counted."""

from structlog.testing import capture_logs

from agent.seldom import SeldomLog


def test_an_event_is_written_once_in_a_time_and_the_rest_counted() -> None:
    now = 0.0
    log = SeldomLog("test", 60, lambda: now)
    with capture_logs() as lines:
        for second in range(0, 121, 10):
            now = float(second)
            log.note("first", second=second)
        log.note("second")
    told = [(line["event"], line.get("second"), line["left_out"]) for line in lines]
    assert told == [("first", 0, 0), ("first", 60, 5), ("first", 120, 5), ("second", None, 0)]

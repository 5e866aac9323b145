"""Who has opened the panel, and for how long."""

from agent.web.panel.sessions import IDLE, LIFETIME, MAX_SESSIONS, Sessions


def test_a_session_ends_when_nobody_uses_it_and_in_the_end_anyway() -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    opened = sessions.open()
    now += IDLE + 1
    assert not sessions.check(opened.cookie, opened.key)
    opened = sessions.open()
    end = now + LIFETIME
    while now + IDLE / 2 < end:
        now += IDLE / 2
        assert sessions.check(opened.cookie, opened.key)
    now += IDLE
    assert not sessions.check(opened.cookie, opened.key)


def test_of_too_many_sessions_the_quiet_one_ends() -> None:
    sessions = Sessions()
    first, second = sessions.open(), sessions.open()
    for _ in range(MAX_SESSIONS - 2):
        sessions.open()
    assert sessions.check(first.cookie, first.key)
    sessions.open()
    assert sessions.check(first.cookie, first.key)
    assert not sessions.check(second.cookie, second.key)


def test_no_secret_shows_in_a_repr() -> None:
    sessions = Sessions()
    opened = sessions.open()
    assert opened.key not in repr(opened)
    assert opened.cookie not in repr(opened)

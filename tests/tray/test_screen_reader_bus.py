"""A desktop that says on the session's bus that a screen reader is on, as GNOME does."""

import pytest
from dbus_fast import BusType
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_property

from agent.host.machine import screen_reader
from tests.tray.conftest import Bus


class A11yStatus(ServiceInterface):
    """``org.a11y.Status``, as at-spi-bus-launcher has it."""

    def __init__(self, enabled: bool) -> None:
        super().__init__("org.a11y.Status")
        self.enabled = enabled

    @dbus_property(access=PropertyAccess.READ, name="ScreenReaderEnabled")
    def screen_reader_enabled(self) -> DBusBool:
        return self.enabled


@pytest.mark.parametrize("enabled", [True, False])
async def test_what_the_desktop_says_counts(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, enabled: bool
) -> None:
    del bus
    monkeypatch.setattr(screen_reader, "has_reader_process", lambda: False)
    desktop = await MessageBus(bus_type=BusType.SESSION).connect()
    try:
        desktop.export("/org/a11y/bus", A11yStatus(enabled))
        await desktop.request_name("org.a11y.Bus")
        assert await screen_reader.runs() is enabled
    finally:
        desktop.disconnect()


async def test_a_desktop_without_one_is_not_made_to_start_it(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    del bus
    monkeypatch.setattr(screen_reader, "has_reader_process", lambda: False)
    assert not await screen_reader.runs()

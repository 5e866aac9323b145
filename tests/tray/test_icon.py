"""The icon: the right size, a different one for each status, and soft edges on nothing."""

import pytest

from tray.icon.dbus_item import SIZES, pixmaps
from tray.icon.drawing import argb, draw
from tray.icon.view import IconStatus

Pixel = tuple[int, ...]


def pixels(status: IconStatus, size: int) -> list[Pixel]:
    raw = draw(status, size)
    assert len(raw) == size * size * 4
    return [tuple(raw[at : at + 4]) for at in range(0, len(raw), 4)]


@pytest.mark.parametrize("size", [*SIZES, 64])
@pytest.mark.parametrize("status", IconStatus)
def test_the_corners_are_clear_and_the_middle_is_not(status: IconStatus, size: int) -> None:
    drawn = pixels(status, size)
    assert drawn[0][3] == drawn[size - 1][3] == drawn[-size][3] == 0
    assert drawn[(size // 2) * size + size // 3][3] == 255


@pytest.mark.parametrize("size", SIZES)
def test_every_status_looks_different(size: int) -> None:
    assert len({draw(status, size) for status in IconStatus}) == len(IconStatus)


def test_a_status_is_told_by_shape_too_not_by_colour_alone() -> None:
    def shape(status: IconStatus) -> bytes:
        return bytes(
            opacity if (red, green, blue) != (255, 255, 255) else 1
            for red, green, blue, opacity in pixels(status, 48)
        )

    badges = (IconStatus.READY, IconStatus.WORKING, IconStatus.ATTENTION)
    assert len({shape(status) for status in badges}) == len(badges)


def test_edges_are_soft() -> None:
    opacities = {pixel[3] for pixel in pixels(IconStatus.RUNNING, 32)}
    assert len(opacities) > 10


def test_a_panel_gets_opacity_first() -> None:
    assert argb(bytes([1, 2, 3, 4, 5, 6, 7, 8])) == bytes([4, 1, 2, 3, 8, 5, 6, 7])
    for width, height, raw in pixmaps(IconStatus.READY):
        assert isinstance(raw, bytes)
        assert isinstance(width, int)
        assert width == height
        assert len(raw) == width * width * 4
        assert raw[0] == 0

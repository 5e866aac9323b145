"""What it costs the member service to make a picture of a document anew, its process and all."""

import os
import statistics
import sys
from collections.abc import Callable, Mapping

from PIL import Image

from agent.portal.pictures.process import ChildProcess
from tests.portal.picture_files import saved

PHOTO = (4032, 3024)  # what phones call 12 megapixels
GRAIN = (1008, 756)


def photo() -> Image.Image:
    """Make something as hard to compress as a photo: light that fades, and grain."""
    light = Image.radial_gradient("L").resize(PHOTO).convert("RGB")
    grain = Image.frombytes("RGB", GRAIN, os.urandom(GRAIN[0] * GRAIN[1] * 3)).resize(PHOTO)
    return Image.blend(light, grain, 0.3)


FILES: Mapping[str, Callable[[Image.Image], bytes]] = {
    "JPEG": lambda picture: saved(picture, "JPEG", quality=90),
    "WebP": lambda picture: saved(picture, "WEBP", quality=80),
    "PDF": lambda picture: saved(picture, "PDF", quality=80),
}


def measure_pictures(times: int) -> Mapping[str, float] | None:
    """Return CPU seconds by kind of file, medians; None where a child's are not told (Windows)."""
    if sys.platform == "win32":
        return None
    picture = photo()
    return {kind: _median(make(picture), times) for kind, make in FILES.items()}


def _median(file: bytes, times: int) -> float:
    found = []
    for _ in range(times):
        before = _children_seconds()
        ChildProcess().run([file])
        found.append(_children_seconds() - before)
    return statistics.median(found)


def _children_seconds() -> float:
    """Return the CPU time of all children that have ended."""
    now = os.times()
    return now.children_user + now.children_system

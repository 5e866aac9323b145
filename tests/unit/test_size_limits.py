"""The table of limits is the one in the README, and says what the doors say."""

import re
from pathlib import Path

from agent import size_limits

README = Path(__file__).parents[2] / "agent" / "web" / "sdk" / "SIZES.md"
UNITS = {"KiB": 1024, "MiB": 1024 * 1024}


def test_the_readme_shows_each_limit() -> None:
    rows = re.findall(
        r"^\| .+ \| (\d+) (KiB|MiB) \| `(MAX_\w+)` \|$", README.read_text("utf-8"), re.MULTILINE
    )
    shown = {name: int(number) * UNITS[unit] for number, unit, name in rows}
    limits = {name: size for name, size in vars(size_limits).items() if name.startswith("MAX_")}
    assert shown == limits
    assert len(rows) == len(limits)


def test_what_fits_alone_fits_into_what_carries_it() -> None:
    length = size_limits.base64_length
    assert length(size_limits.MAX_DATA) < size_limits.MAX_MESSAGE
    assert length(size_limits.MAX_CIPHERTEXT) < size_limits.MAX_MESSAGE
    assert size_limits.MAX_MESSAGE < size_limits.MAX_ANSWERED_MESSAGE
    assert size_limits.MAX_ATTACHED_FILE < size_limits.MAX_SIGNED_MESSAGE


def test_the_length_of_base64() -> None:
    assert [size_limits.base64_length(length) for length in range(5)] == [0, 4, 4, 4, 8]

"""Whatever lies where a property list should: one kind of error, at every reader of ours."""

import plistlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agent
from agent.host.browser_policy.policy_places import machine_policies
from agent.host.machine.reader_drivers import installed_drivers
from agent.host.property_list import parse_plist
from tests.unit.host.conftest import MachineFactory

MOMENT = datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None)
WHOLE = {"a": [1, 2**40, 1.5, b"data", MOMENT, {"k": "v"}, True], "name": "漢字"}
SEEDS = tuple(plistlib.dumps(WHOLE, fmt=fmt) for fmt in plistlib.PlistFormat)
BROKEN = {
    "nothing": b"",
    "an odd date": b"<plist><date>9</date></plist>",
    "half a date": b"<plist><date>2020</date></plist>",
    "a date of no calendar": b"<plist><date>2020-99-99T00:00:00Z</date></plist>",
    "no content": b"<plist><array><array></plist>",
    "an unknown encoding": b'<?xml version="1.0" encoding="none"?><plist/>',
    "a lone end": b"<plist><dict/></dict></plist>",
    "too deep": b"<plist>" + b"<array>" * 100_000,
    "a binary one of rubbish": b"bplist00" + b"\xff" * 64,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_none_is_one_kind_of_error(name: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_plist(BROKEN[name])


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(SEEDS), st.data())
def test_a_damaged_one_is_read_or_refused(seed: bytes, data: st.DataObject) -> None:
    raw = bytearray(seed)
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[at] = data.draw(st.integers(0, 255))
    try:
        parse_plist(bytes(raw))
    except ValueError:
        return


@pytest.mark.parametrize("name", BROKEN)
def test_no_reader_of_ours_fails_on_it(name: str, make_machine: MachineFactory) -> None:
    computer = make_machine(platform="darwin")
    for file in (
        "Library/Managed Preferences/com.google.Chrome.plist",
        "usr/lib/pcsc/drivers/a.bundle/Contents/Info.plist",
    ):
        path = computer.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BROKEN[name])
    assert [each.policies for each in machine_policies(computer)] == [None]
    assert installed_drivers(computer.root) == ()


def test_there_is_one_reader() -> None:
    room = Path(agent.__file__).parent
    found = [each for each in room.rglob("*.py") if "plistlib.loads" in each.read_text("utf-8")]
    assert [each.name for each in found] == ["property_list.py"]

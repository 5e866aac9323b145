"""Run one target under atheris: ``python -m tests.fuzz.guided TARGET [libFuzzer's options]``.

The process ends as libFuzzer ends it: at the end of its time, or at the first crash.
"""

import sys

import atheris

with atheris.instrument_imports(include=["agent"]):
    from tests.fuzz import target

    FOUND = target.load(sys.argv[1])
    SEEDS = [(raw, FOUND.one(raw) == outcome) for raw, outcome in FOUND.seeds()]


def test_one(data: bytes) -> None:
    target.is_taken(FOUND, data)


if __name__ == "__main__":
    if not all(is_read for _, is_read in SEEDS):
        sys.exit("a good input is not read: nothing would be tested")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], test_one)
    atheris.Fuzz()

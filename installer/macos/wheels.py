"""Write the lock as it applies on a Mac, for a pip that runs elsewhere.

pip takes ``--platform``, but evaluates the markers in a lock for its own system, so that packages
for macOS only would be left out. Run with the checkout's Python, and told the lock, the processor,
the version of Python, and names to leave out; prints the lock without conditions.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from pip._vendor.packaging.markers import Marker  # the one copy that every environment has


def on_a_mac(lock: str, machine: str, python: str, *left_out: str) -> Iterator[str]:
    """Return the lines of the requirements that apply on a Mac.

    Args:
        lock: the text of the lock file, with hashes.
        machine: arm64 or x86_64.
        python: such as 3.13.
        left_out: names of packages.

    """
    counts = False
    for line in lock.splitlines():
        if not line.startswith((" ", "#")):
            requirement, _, condition = line.removesuffix("\\").partition(";")
            counts = not condition.strip() or Marker(condition).evaluate(_facts(machine, python))
            counts = counts and requirement.partition("==")[0] not in left_out
            line = f"{requirement.strip()} \\"  # noqa: PLW2901  # without its condition
        if counts and not line.lstrip().startswith("#"):
            yield line


def _facts(machine: str, python: str) -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Darwin",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "darwin",
    }


if __name__ == "__main__":
    print("\n".join(on_a_mac(Path(sys.argv[1]).read_text("utf-8"), *sys.argv[2:])))

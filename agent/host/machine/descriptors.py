"""The number of files and connections that this process may have open at once."""

import sys
from typing import Final

WANTED: Final = 4096  # many systems give 1024, of which card readers and windows take some too


def raise_descriptor_limit() -> None:
    """Raise the limit to :data:`WANTED`, or to what the system lets us have; never lower it."""
    if sys.platform == "win32":  # there is no such limit
        return
    import resource  # noqa: PLC0415  # POSIX only

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))

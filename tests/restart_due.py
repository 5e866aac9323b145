"""A browser of make-believe that was started before it could trust us: the test's own process."""

import os

from agent.host.machine.paths import Paths
from agent.host.tls.browsers import Browsers, RunningBrowser
from agent.host.tls.manifest import READERS, Manifest, TrustStep
from agent.host.tls.store_readers import StoreReaders


def write_down_reader(paths: Paths, *, has_ended: bool = False) -> None:
    """Write down, as for Chromium, that this process read a store as it was before."""
    browsers = Browsers()
    process = browsers.table.read(os.getpid())
    assert process is not None
    if has_ended:
        process = type(process)(process.pid, process.started + 1)  # its number has another now
    readers = StoreReaders.of(browsers, [RunningBrowser(process, "Chromium", is_firefox=False)])
    facts = {READERS: readers.encoded()}
    Manifest(paths.trust).record(TrustStep("chromium", "/nowhere", "00" * 32, facts))

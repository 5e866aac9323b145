"""Check whether a browser runs that was started before it could trust the local certificate."""

from collections.abc import Iterator

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault
from agent.host.tls.manifest import Manifest, ManifestError
from agent.host.tls.store_readers import StoreReaders


def check_restart(installation: InstalledAgent) -> Iterator[Finding]:
    """Report which browsers have to be started anew; only a person can do that."""
    try:
        steps = Manifest(installation.paths.trust).steps
    except (ManifestError, OSError):
        return  # check_trust reports it
    browsers = installation.machine.browsers
    found = {
        name for step in steps for name in StoreReaders.in_facts(step.facts).still_running(browsers)
    }
    if found:
        yield fault("trust", "trust_restart", browsers=" / ".join(sorted(found)))

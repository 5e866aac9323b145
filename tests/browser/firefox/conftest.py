"""Fixtures: a Firefox that believes the agent's authority as a citizen's does: by its policy."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.host.tls.firefox import FirefoxPolicyStore
from agent.host.tls.firefox_profiles import FirefoxProfileStore
from agent.host.tls.machine import Machine
from agent.host.tls.store import AuthorityFile, Presence
from tests.browser.firefox.marionette import Firefox, find_firefox
from tests.browser.world import World

# A namespace of its own, where another folder stands in the place of /etc.
INSTEAD_OF_ETC = 'mount --bind "$1" /etc && shift && exec "$@"'


@pytest.fixture(scope="session", autouse=True)
def needs_firefox() -> None:
    """Skip where there is no Firefox to drive."""
    if find_firefox() is None:
        pytest.skip("firefox is needed")


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    """Start a Firefox that knows nothing of us."""
    profile = tmp_path / "profile"
    profile.mkdir()
    with Firefox(profile) as started:
        yield started


@contextmanager
def with_policy(world: World, folder: Path, **preferences: bool | int | str) -> Iterator[Firefox]:
    """Start a Firefox on a computer where an administrator ran ``ankong trust install``."""
    subprocess.run(["cp", "-a", "/etc", str(folder)], check=False, stderr=subprocess.DEVNULL)
    store = FirefoxPolicyStore(
        Machine(root=folder, administrator=True, find=lambda _: "/usr/bin/firefox")
    )
    (place,) = store.install(AuthorityFile.load(world.programs.authority), lambda _: None)
    assert place.presence is Presence.TRUSTED
    before = ["unshare", "-rm", "sh", "-c", INSTEAD_OF_ETC, "sh", str(folder / "etc")]
    if subprocess.run([*before, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no namespaces of our own here: /etc cannot be stood in for")
    profile = folder / "profile"
    profile.mkdir()
    with Firefox(profile, before, **preferences) as started:
        yield started


@pytest.fixture
def trusting_firefox(world: World, tmp_path: Path) -> Iterator[Firefox]:
    """Return the one with a policy."""
    with with_policy(world, tmp_path) as started:
        yield started


@pytest.fixture
def knowing_firefox(world: World, tmp_path: Path) -> Iterator[Firefox]:
    """Start a Firefox whose profile the citizen's own ``ankong trust install`` has seen."""
    profile = tmp_path / ".mozilla" / "firefox" / "old.default"
    profile.mkdir(parents=True)
    with Firefox(profile):
        pass  # it makes its database when it is first used
    store = FirefoxProfileStore(Machine(home=tmp_path, root=tmp_path, administrator=False))
    (place,) = store.install(AuthorityFile.load(world.programs.authority), lambda _: None)
    assert place.presence is Presence.TRUSTED
    with Firefox(profile) as started:
        yield started

"""A real Firefox whose profile comes after the agent, and one with a primary password."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.host.tls.firefox_profiles import FirefoxProfileStore
from agent.host.tls.machine import Machine
from agent.host.tls.store import AuthorityFile, Place, Presence
from agent.host.tls.trust import Trust
from agent.host.tls.trust_keeper import TrustKeeper
from tests.browser.firefox.marionette import Firefox, ScriptError
from tests.browser.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("certutil") is None, reason="needs libnss3-tools"),
]
FOLDERS = [
    ".mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
]


class Keeping:
    """A home with a keeper whose user wants browsers to trust the agent."""

    def __init__(self, world: World, home: Path) -> None:
        home.mkdir()
        self.machine = Machine(home=home, root=home, platform="linux", environment={})
        self.authority = AuthorityFile.load(world.programs.authority)
        self.manifest = home.parent / "trust.json"
        self.trust = Trust(self.manifest, self.machine)
        self.keeper = TrustKeeper(self.manifest, lambda: self.authority.path, self.machine)

    def place(self) -> Place:
        (found,) = FirefoxProfileStore(self.machine).check(self.authority)
        return found


def reaches(firefox: Firefox, world: World) -> bool:
    """Return whether Firefox opens the agent's page without a warning."""
    try:
        firefox.go(f"https://localhost:{world.programs.ports.tls}/")
    except ScriptError as error:
        assert "insecure certificate" in str(error)  # noqa: PT017  # anything else is a failure
        return False
    return True


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_profile_made_after_the_agent_started_is_served_without_a_restart(
    agent: World, tmp_path: Path, folder: str
) -> None:
    agent.start_agent()
    keeping = Keeping(agent, tmp_path / "home")
    keeping.trust.install(keeping.authority)
    keeping.keeper.tend()
    profile = tmp_path / "home" / folder / "new.default"
    profile.mkdir(parents=True)
    with Firefox(profile) as firefox:
        assert not reaches(firefox, agent)  # so that it has looked, and keeps what it found
        keeping.keeper.tend()
        assert keeping.place().presence is Presence.TRUSTED
        assert reaches(firefox, agent)
        keeping.keeper.look()
        assert keeping.keeper.restart_needed() == ()


def test_a_primary_password_has_a_way_out_that_works(agent: World, tmp_path: Path) -> None:
    agent.start_agent()
    keeping = Keeping(agent, tmp_path / "home")
    profile = tmp_path / "home" / FOLDERS[0] / "careful.default"
    profile.mkdir(parents=True)
    with Firefox(profile):
        pass
    none, word = tmp_path / "none", tmp_path / "word"
    none.write_text("\n")
    word.write_text("a word of the citizen's\n")
    change = ["certutil", "-W", "-d", f"sql:{profile}", "-f", str(none), "-@", str(word)]
    subprocess.run(change, check=True, capture_output=True)
    keeping.trust.install(keeping.authority)
    place = keeping.place()
    assert place.presence is Presence.NEEDS_PASSWORD
    with Firefox(profile) as firefox:
        assert not reaches(firefox, agent)
        # The command that is offered; a terminal's answer comes from a file here.
        subprocess.run([*shlex.split(place.detail), "-f", str(word)], check=True)
        assert reaches(firefox, agent)  # and nobody was asked for the password
    assert keeping.place().presence is Presence.TRUSTED

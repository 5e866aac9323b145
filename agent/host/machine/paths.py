"""Where the agent keeps its files: one folder for each user, and one for all users."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from platformdirs import user_state_path

from agent.host.machine.state_folder import UnsafeFolderError, find_unsafe_place


def program_data() -> Path:
    """Return Windows' folder for what belongs to all users.

    Windows is asked: a user can change the variable %ProgramData%.

    Raises:
        OSError: this is not Windows, or it does not say.

    """
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows only

        buffer = ctypes.create_unicode_buffer(260)
        # CSIDL_COMMON_APPDATA, SHGFP_TYPE_CURRENT
        if ctypes.windll.shell32.SHGetFolderPathW(None, 0x23, None, 0, buffer) == 0:
            return Path(buffer.value)
    raise OSError("this system does not say where its program data is")


def machine_folder() -> Path:
    """Return the folder for all users of this computer, which administrators alone can change.

    No environment variable can move it. On Windows and macOS the policy file lies there too.

    Raises:
        OSError: Windows does not say where it is.

    """
    if sys.platform == "win32":
        return program_data() / "Ankong"
    if sys.platform == "darwin":
        return Path("/Library/Application Support/Ankong")
    return Path("/var/lib/ankong")


@dataclass(frozen=True, slots=True)
class MachinePaths:
    """The paths in the folder for all users.

    Attributes:
        folder: of all of them.

    """

    folder: Path = field(default_factory=machine_folder)

    @property
    def tls(self) -> Path:
        """The folder of the certificates with which every user's agent serves."""
        return self.folder / "tls"

    @property
    def next_tls(self) -> Path:
        """Those that will take the place of the others once they are trusted."""
        return self.folder / "tls.next"

    @property
    def last_tls(self) -> Path:
        """Those whose place was taken just now."""
        return self.folder / "tls.last"

    @property
    def trust(self) -> Path:
        """What was changed in the trust stores of all users, JSON."""
        return self.folder / "trust.json"

    @property
    def lock(self) -> Path:
        """Held while somebody changes any of them."""
        return self.folder / "machine.lock"


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths in one state folder.

    Attributes:
        state: the folder.
        for_all: the folder for all users; None for this computer's.

    """

    state: Path
    for_all: Path | None = None

    @classmethod
    def choose(cls, state_dir: Path | None = None) -> Self:
        """Return the paths below ``state_dir``; None for where this system keeps program state."""
        folder = user_state_path("ankong", appauthor=False) if state_dir is None else state_dir
        return cls(folder.expanduser().absolute())

    def prepare(self) -> None:
        """Create the folder, for its owner only; an existing one keeps its mode.

        Raises:
            UnsafeFolderError: others than this user can change what is in it.
            OSError: it cannot be made, or is no folder.

        """
        self._check()
        missing = [each for each in self.state.parents if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
        self.state.mkdir(mode=0o700, exist_ok=True)
        self._check()

    def _check(self) -> None:
        place = find_unsafe_place(self.state)
        if place is not None:
            raise UnsafeFolderError(place)

    @property
    def config(self) -> Path:
        """The settings, TOML; may be missing."""
        return self.state / "config.toml"

    @property
    def policy(self) -> Path:
        """A policy for a computer without one of its own, TOML; may be missing."""
        return self.state / "policy.toml"

    @property
    def tls(self) -> Path:
        """The folder of the local certificates."""
        return self.state / "tls"

    @property
    def machine(self) -> MachinePaths:
        """The paths of what all users share.

        Raises:
            OSError: Windows does not say where they are.

        """
        return MachinePaths() if self.for_all is None else MachinePaths(self.for_all)

    @property
    def trust(self) -> Path:
        """What was changed in trust stores, JSON."""
        return self.state / "trust.json"

    @property
    def install_key(self) -> Path:
        """The secret by which sites know this installation."""
        return self.state / "install.key"

    @property
    def panel_key(self) -> Path:
        """The secret that opens the panel of the running agent."""
        return self.state / "panel.key"

    @property
    def preferences(self) -> Path:
        """What the citizen chose in the menu and the panel, JSON."""
        return self.state / "preferences.json"

    @property
    def logs(self) -> Path:
        """The folder of the log files."""
        return self.state / "logs"

    @property
    def sites(self) -> Path:
        """What the citizen decided about each site."""
        return self.state / "sites.sqlite"

    @property
    def attempts(self) -> Path:
        """How many PIN attempts each card has left, by a keyed hash of its number."""
        return self.state / "attempts.sqlite"

    @property
    def history(self) -> Path:
        """One line for each signature."""
        return self.state / "history.sqlite"

    @property
    def documents(self) -> Path:
        """The folder of private copies of documents that are being worked on."""
        return self.state / "documents"

    @property
    def baskets(self) -> Path:
        """The folder of what file managers handed over to be signed."""
        return self.state / "baskets"

    @property
    def lock(self) -> Path:
        """Held by the one running agent."""
        return self.state / "instance.lock"

    @property
    def quit_request(self) -> Path:
        """Exists while the running agent is asked to end."""
        return self.state / "quit.request"

    @property
    def events(self) -> Path:
        """What the last events told of policy and trust stores, JSON; only where any are told."""
        return self.state / "events.json"

    @property
    def installed(self) -> Path:
        """What ``ankong setup complete`` did, JSON."""
        return self.state / "installed.json"

    @property
    def update(self) -> Path:
        """The last manifest of releases, and when it was asked for; JSON."""
        return self.state / "update.json"

    @property
    def instance(self) -> Path:
        """What the running agent says about itself, JSON."""
        return self.state / "instance.json"

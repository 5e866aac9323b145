"""The installed agent that is examined: its files, its computer and the cards in its readers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from agent.doctor.asking import PortAsker
from agent.doctor.card_survey import CardSurvey
from agent.host.autostart import Autostart, autostart, start_command
from agent.host.filemanager import FileManager, file_manager, sign_command
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.config import Settings
from agent.host.settings.policy import Policy
from agent.host.settings.policy_in_force import policy_in_force
from agent.host.shared_program import SharedProgram
from agent.host.tls.machine import Machine
from agent.host.tls.places import TlsChoice, choose
from agent.host.tls.trust import Trust


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledAgent:
    """One user's agent on one computer, and what the checks need to know of both.

    Attributes:
        paths: of the agent's files.
        machine: the computer.
        cards: what the readers hold; None where they were not looked at.
        policy: the administrator's.
        now: the time of the examination, with a time zone.
        cards_problem: why the readers could not be looked at, in English; empty where they were,
            or were not to be.
        inside: whether the running agent examines itself, which cannot restart itself.
        trust_left: whether the installation for all users left what browsers trust to the
            organisation.
        ask: asks the ports of the computer.

    """

    paths: Paths
    machine: Machine = field(default_factory=Machine)
    cards: CardSurvey | None = None
    policy: Policy = field(default_factory=Policy)
    now: datetime = field(default_factory=_now)
    cards_problem: str = ""
    inside: bool = False
    trust_left: bool = False
    ask: PortAsker = field(default_factory=PortAsker)

    @classmethod
    def on_this_computer(
        cls,
        paths: Paths,
        cards: CardSurvey | None = None,
        cards_problem: str = "",
        *,
        inside: bool = False,
    ) -> Self:
        """Describe the agent of this computer's user, under this computer's policy.

        Args:
            paths: of the agent's files.
            cards: what the readers hold; None where they were not looked at.
            cards_problem: why they could not be, in English.
            inside: whether the running agent examines itself.

        """
        return cls(
            paths=paths,
            cards=cards,
            policy=policy_in_force(paths),
            cards_problem=cards_problem,
            inside=inside,
            trust_left=SharedProgram().leaves_trust(),
        )

    @property
    def start_command(self) -> tuple[str, ...]:
        """The command that starts this agent with its icon."""
        usual = self.paths == Paths.choose()
        return start_command(None if usual else self.paths.state)

    @property
    def autostart(self) -> Autostart | None:
        """How this system starts it at sign-in; None where it cannot."""
        return autostart(self.start_command, self.machine)

    @property
    def file_manager(self) -> FileManager:
        """How this system's file managers offer to sign."""
        return file_manager(self.file_manager_command, self.machine)

    @property
    def file_manager_command(self) -> tuple[str, ...]:
        """The command that they are to start."""
        usual = self.paths == Paths.choose()
        return sign_command(None if usual else self.paths.state)

    @property
    def restart(self) -> str | None:
        """The repair that starts the agent again; None in the agent itself."""
        return None if self.inside else "restart_agent"

    @property
    def tls(self) -> TlsChoice:
        """The certificates with which an agent serves that starts now."""
        return choose(self.paths, self.now)

    @property
    def authority(self) -> Path:
        """The certificate of the authority that the running agent's certificate is to have."""
        return self.tls.authority

    @property
    def trust(self) -> Trust:
        """The trust stores of the computer."""
        return Trust(self.paths.trust, self.machine)

    def settings(self) -> Settings:
        """Read the settings as the policy leaves them.

        Raises:
            ConfigError: the file cannot be understood.

        """
        return self.policy.over(config.load(self.paths.config))

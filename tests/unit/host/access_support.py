"""Access lists of a Windows that is not there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.host.machine.windows_acl import FileAccess

ME = "S-1-5-21-1-2-3-1001"
STRANGER = "S-1-5-21-1-2-3-1002"
USERS = "S-1-5-32-545"
READ = 0x1200A9
FULL = 0x1F01FF
ADD = 0x2 | 0x4  # what everybody may do in folders below ProgramData


@dataclass
class FakeAccess:
    """Answers from a table; an OSError in it is raised, and what is not there is not found."""

    table: Mapping[Path, FileAccess | OSError]
    links: set[Path] = field(default_factory=set)

    def access(self, path: Path) -> FileAccess:
        found = self.table.get(path, FileNotFoundError(2, "not there"))
        if isinstance(found, OSError):
            raise found
        return found

    def is_link(self, path: Path) -> bool:
        return path in self.links

    def own_sid(self) -> str:
        return ME

"""The ways whose applications take their time: each says which of a member's are open."""

from collections.abc import Sequence
from typing import Final

from agent.portal.account.applications import ApplicationSource

SOURCES: Final[Sequence[ApplicationSource]] = ()

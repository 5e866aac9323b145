"""The ways whose applications take their time: each says which of a member's are open."""

from collections.abc import Sequence
from typing import Final

from agent.portal.account.applications import ApplicationSource
from agent.portal.online.overview import open_applications
from agent.portal.telecom.overview import open_phone_application

SOURCES: Final[Sequence[ApplicationSource]] = (open_phone_application, open_applications)

"""Who may ask for something; it stands on the message or the route itself, and is checked here."""

from collections.abc import Callable
from enum import Enum, auto

from agent.errors import AgentError, ErrorCode
from agent.origin import LOCAL_USER, OWN_PAGE, PANEL, Origin


class Audience(Enum):
    """Who may ask."""

    EVERYBODY = auto()  # any site, and requests that name none
    ANY_SITE = auto()  # whoever says who asks
    ALLOWED_SITE = auto()  # whom the citizen has allowed
    OWN_USER = auto()  # the citizen, who proves it by what only their own programs can read
    PANEL = auto()  # a page of the panel that the citizen has opened
    OWN_PAGE = auto()  # another page that the agent served, which proves no more than that


def check_audience(
    audience: Audience, caller: Origin | None, is_allowed: Callable[[Origin], bool]
) -> None:
    """Refuse a caller that is not of the audience.

    Args:
        audience: of what is asked for.
        caller: as the mount identified it; None for nobody.
        is_allowed: whether the citizen has allowed a site; called for ALLOWED_SITE only.

    Raises:
        AgentError: ``origin_not_allowed``.

    """
    if not _belongs(audience, caller, is_allowed):
        raise AgentError("not for this caller", code=ErrorCode.ORIGIN_NOT_ALLOWED)


def _belongs(
    audience: Audience, caller: Origin | None, is_allowed: Callable[[Origin], bool]
) -> bool:
    match audience:
        case Audience.EVERYBODY:
            return True
        case Audience.ANY_SITE:
            return caller is not None
        case Audience.ALLOWED_SITE:
            return caller is not None and is_allowed(caller)
        case Audience.OWN_USER:
            return caller in {LOCAL_USER, PANEL}
        case Audience.PANEL:
            return caller == PANEL
        case Audience.OWN_PAGE:
            return caller == OWN_PAGE

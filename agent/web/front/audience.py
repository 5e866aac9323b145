"""Who may ask for something; it stands on the message or the route itself."""

from enum import Enum, auto


class Audience(Enum):
    """Who may ask."""

    EVERYBODY = auto()  # any site, and requests that name none
    ANY_SITE = auto()  # whoever says who asks
    ALLOWED_SITE = auto()  # whom the citizen has allowed

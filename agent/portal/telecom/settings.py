"""The operator of the service names the mobile operators that it may ask.

Each stands in the file of settings as a table of its own, ``[[operators]]``.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from agent.portal.names import parse_name
from agent.relying.urls import checked_url

MOST_OPERATORS: Final = 8


class OperatorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One mobile operator.

    Attributes:
        name: by which applicants know it.
        issuer: its URL without a slash at the end; https, or http on this machine.
        client_id: as whom it knows this service; it also has to know
            ``ORIGIN/phone/answer``, where its page sends the browser back to.

    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    issuer: Annotated[str, Meta(min_length=1, max_length=254)]
    client_id: Annotated[str, Meta(min_length=1, max_length=254)]

    def __post_init__(self) -> None:
        """Refuse settings that cannot work, or would show people's data to the network.

        Raises:
            ValueError: one of them; the text is for the operator.

        """
        parse_name(self.name)
        checked_url(self.issuer, "issuer of operators")
        if self.issuer.endswith("/"):
            raise ValueError("issuer of operators has no slash at its end")


def check_operators(operators: tuple[OperatorSettings, ...]) -> None:
    """Refuse two of one name.

    Raises:
        ValueError: there are; the text is for the operator.

    """
    names = [each.name for each in operators]
    if len(set(names)) != len(names):
        raise ValueError("two operators have the same name")

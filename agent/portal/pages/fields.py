"""Read the fields of a form, each by its own parser, and say which are wrong."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from agent.portal.errors import PortalError

_Read = TypeVar("_Read")


class FieldReader:
    """Reads one field after the other and remembers what is wrong with them.

    Attributes:
        wrong: by each field's name the key of what is wrong with it, in the catalogue.

    """

    def __init__(self, written: Mapping[str, str]) -> None:
        """Read what was written, by the names of the fields."""
        self._written = written
        self.wrong: dict[str, str] = {}

    def read(self, name: str, parse: Callable[[str], _Read]) -> _Read | Any:
        """Return what a field says; None where it is wrong.

        Args:
            name: of the field.
            parse: raises ``PortalError``, whose code has words, or ``ValueError`` with the key of
                its words.

        """
        try:
            return parse(self._written[name])
        except PortalError as error:
            self.wrong[name] = f"portal.refusals.{error.code}"
        except ValueError as error:
            self.wrong[name] = str(error)
        return None

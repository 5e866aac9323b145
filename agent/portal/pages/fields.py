"""Read the fields of a form, each by its own parser, and say which are wrong."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from agent.portal.birthdate import check_age, parse_birth_date
from agent.portal.errors import PortalError
from agent.portal.idnumber import parse_id_number
from agent.portal.names import parse_name

_Read = TypeVar("_Read")


class FieldReader:
    """Reads one field after the other and remembers what is wrong with them.

    Attributes:
        wrong: by each field's name the key of what is wrong with it, in the catalogue.

    """

    def __init__(self, written: Mapping[str, str]) -> None:
        """Read what was written, by the names of the fields; those that are absent are empty."""
        self._written = written
        self.wrong: dict[str, str] = {}

    def read(self, name: str, parse: Callable[[str], _Read]) -> _Read | Any:
        """Return what a field says, without the blanks around it; None where it is wrong.

        Args:
            name: of the field.
            parse: raises ``PortalError``, whose code has words, or ``ValueError`` with the key of
                its words.

        """
        try:
            return parse(self._written.get(name, "").strip())
        except PortalError as error:
            self.wrong[name] = f"portal.refusals.{error.code}"
        except ValueError as error:
            self.wrong[name] = str(error)
        return None

    def read_person(self, today: date) -> Mapping[str, Any]:
        """Return what ``id_number``, ``name`` and ``born`` say, by these names.

        Args:
            today: the day on which the person has to be old enough.

        """
        born = self.read("born", lambda text: parse_birth_date(text, today))
        if born is not None:
            self.read("born", lambda _: check_age(born, today))
        return {
            "id_number": self.read("id_number", parse_id_number),
            "name": self.read("name", _parse_name),
            "born": born,
        }


def _parse_name(text: str) -> str:
    try:
        return parse_name(text)
    except ValueError:
        raise ValueError("online.form.name_bad") from None

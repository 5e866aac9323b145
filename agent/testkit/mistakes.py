"""How what a tester sends is read, and what they are told where it is wrong."""

import json
import re
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec

from agent import strict_json
from agent.errors import AgentError, BadRequestError, ErrorCode

T = TypeVar("T")
MAX_BODY: Final = 256 * 1024
"""Bytes of one request, or of a file of answers."""
_WHERE: Final = re.compile(r" - at `(?P<path>\$[^`]*)`\Z")
_UNKNOWN: Final = re.compile(r"unknown field `(?P<field>[^`]*)`")
_MISSING: Final = re.compile(r"missing required field `(?P<field>[^`]*)`")


class RefusedControlError(AgentError):
    """A request of a tester that is not carried out.

    Attributes:
        status: of HTTP: 400, 401, 403, 404, 405 or 409.
        path: of the field that is wrong, such as ``$.order.pin``; empty where it is none.

    """

    code = ErrorCode.BAD_REQUEST

    def __init__(self, status: HTTPStatus, detail: str, path: str = "") -> None:
        super().__init__(f"{path}: {detail}" if path else detail)
        self.status = status
        self.path = path
        self.said_plainly = detail


def wrong_field(path: str, detail: str) -> RefusedControlError:
    """Make the error of one wrong field.

    Args:
        path: such as ``$[0].site``.
        detail: one English clause.

    """
    return RefusedControlError(HTTPStatus.BAD_REQUEST, detail, path)


def not_found(detail: str) -> RefusedControlError:
    """Make the error of something that is not there; ``detail`` is one English clause."""
    return RefusedControlError(HTTPStatus.NOT_FOUND, detail)


def in_the_way(detail: str) -> RefusedControlError:
    """Make the error of what cannot be done now; ``detail`` is one English clause."""
    return RefusedControlError(HTTPStatus.CONFLICT, detail)


def read_json(raw: bytes, kind: type[T]) -> T:
    """Read one JSON text as a ``kind``; fields that it does not know are refused.

    Args:
        raw: UTF-8, at most :data:`MAX_BODY` bytes.
        kind: a msgspec type.

    Raises:
        RefusedControlError: it is none; ``path`` says where.

    """
    try:
        return strict_json.decode(raw, kind, limit=MAX_BODY)
    except msgspec.ValidationError as error:
        path, detail = _explained(str(error))
        raise wrong_field(path, detail + _choices(kind, path, detail)) from error
    except ValueError as error:
        raise wrong_field("$", str(error)) from error


def _explained(message: str) -> tuple[str, str]:
    """Return the path and the complaint of a message of msgspec's."""
    found = _WHERE.search(message)
    path = "$" if found is None else found["path"]
    detail = message if found is None else message[: found.start()]
    named = _UNKNOWN.search(detail) or _MISSING.search(detail)
    return (path if named is None else f"{path}.{named['field']}"), detail


def _choices(kind: Any, path: str, detail: str) -> str:
    """Return what might stand in a field that has a value of no choice; nothing of other faults."""
    if not detail.startswith("Invalid enum value"):
        return ""
    schema = msgspec.json.schema(kind)
    tables = [schema, *schema.get("$defs", {}).values()]
    fields = [each["properties"] for each in tables if "properties" in each]
    name = path.rpartition(".")[2]
    found = [value for each in fields if name in each for value in _values(each[name], schema)]
    words = [value if isinstance(value, str) else json.dumps(value) for value in found]
    return f"; possible: {', '.join(dict.fromkeys(words))}" if words else ""


def _values(node: dict[str, Any], schema: dict[str, Any]) -> list[Any]:
    if named := node.get("$ref"):
        return _values(schema["$defs"][named.rpartition("/")[2]], schema)
    below = [value for each in node.get("anyOf", ()) for value in _values(each, schema)]
    return [*node.get("enum", ()), *below]


def of_request(error: BadRequestError, path: str) -> RefusedControlError:
    """Make the error of a field whose value another room of the house refused."""
    return wrong_field(path, error.detail)

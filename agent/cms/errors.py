"""The error of malformed or unsupported messages and certificates."""

from collections.abc import Iterator
from contextlib import contextmanager

from agent.errors import AgentError, ErrorCode


class CmsError(AgentError):
    """The message or certificate is malformed, unsupported, or does not verify."""

    code = ErrorCode.BAD_REQUEST


@contextmanager
def hostile_input(what: str) -> Iterator[None]:
    """Turn any exception of a parser into a :class:`CmsError` that names ``what``.

    Raises:
        CmsError: anything at all was raised inside.

    """
    try:
        yield
    except AgentError:
        raise
    except Exception as exc:  # asn1crypto raises whatever it stumbles over
        raise CmsError(f"malformed {what}: {type(exc).__name__}") from exc

"""What is said when a command fails: to people in their language, to programs in JSON."""

import errno
import sys
from collections.abc import Mapping
from typing import Final

from agent.commands.colour import Colour, coloured
from agent.commands.output import say_aside, say_json
from agent.commands.tongue import tell, tongue
from agent.errors import AgentError, ErrorCode
from agent.harmless import printable
from agent.words import SOURCE, load

_ALWAYS_TRUE: Final = frozenset(
    {
        ErrorCode.NO_READER,
        ErrorCode.NO_CARD,
        ErrorCode.CARD_REMOVED,
        ErrorCode.CARD_MUTE,
        ErrorCode.CARD_ERROR,
        ErrorCode.UNSUPPORTED_CARD,
        ErrorCode.PIN_INCORRECT,
        ErrorCode.PIN_LAST_ATTEMPT,
        ErrorCode.PIN_LOCKED,
        ErrorCode.PIN_LENGTH,
        ErrorCode.CERTIFICATE_EXPIRED,
        ErrorCode.CERTIFICATE_NOT_YET_VALID,
        ErrorCode.KEY_NOT_FOUND,
        ErrorCode.PCSC_UNAVAILABLE,
        ErrorCode.DOCUMENT_DAMAGED,
        ErrorCode.DOCUMENT_ENCRYPTED,
        ErrorCode.DOCUMENT_PASSWORD_INCORRECT,
        ErrorCode.DOCUMENT_FORBIDS_SIGNING,
        ErrorCode.DOCUMENT_UNSUPPORTED,
        ErrorCode.DOCUMENT_CHANGED,
        ErrorCode.TIMESTAMP_FAILED,
        ErrorCode.EVIDENCE_MISSING,
    }
)
"""Codes that mean one thing wherever they come from, so that their sentence is true here too."""
_UNCLEAR: Final = frozenset({ErrorCode.BAD_REQUEST, ErrorCode.INTERNAL})
"""Codes that say nothing of the reason."""
_SYSTEM: Final = {
    errno.ENOENT: "missing",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "read_only",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EISDIR: "folder",
    errno.ENOTDIR: "no_folder",
    errno.EEXIST: "exists",
}
"""What the system refuses most, by the rest of its key."""


def complain(error: AgentError | OSError, *, as_json: bool) -> None:
    """Say what went wrong: as JSON on standard output, or to people on standard error."""
    if as_json:
        say_json({"error": facts_of(error)})
        return
    told = _told_of_system(error) if isinstance(error, OSError) else _told(error)
    name = coloured("ankong:", Colour.RED, sys.stderr)
    say_aside(f"{name} {told}")


def _agent_error(error: AgentError | OSError) -> AgentError:
    """Return the error, that of the system with its words; its number says nothing to a person."""
    if isinstance(error, AgentError):
        return error
    what = error.strerror or str(error) or type(error).__name__
    return AgentError(what if error.filename is None else f"{error.filename}: {what}")


def facts_of(failure: AgentError | OSError) -> dict[str, object]:
    """Return what programs are told of an error."""
    error = _agent_error(failure)
    answer: dict[str, object] = {"code": str(error.code), "message": error.detail}
    answer["retriable"] = error.retriable
    if error.attempts_left is not None:
        answer["attempts_left"] = error.attempts_left
    return answer


def _told(error: AgentError) -> str:
    if error.said is not None:
        return said(error.said)
    cause = error.__cause__
    if error.code in _UNCLEAR and isinstance(cause, OSError) and cause.filename is not None:
        return _told_of_system(cause)  # what it was about, and what the system refused
    technical = printable(f"{error.code}: {error.detail}" if error.detail else str(error.code))
    texts = load(tongue())
    if error.code in _ALWAYS_TRUE:
        sentence = str(texts.get(f"codes.{error.code}") or texts[f"panel.codes.{error.code}"])
    elif tongue() is SOURCE:
        return technical
    else:
        sentence = str(texts["panel.codes.bad_request"])
    if error.attempts_left is not None:
        sentence = f"{sentence} {tell('prompt.attempts_left', count=error.attempts_left)}"
    return f"{sentence}\n  {technical}"


def said(words: tuple[str, Mapping[str, object]]) -> str:
    """Return the words of an error in the language of the command line.

    Args:
        words: a key of the catalogue, and its facts; a fact may be such words itself.

    """
    key, facts = words
    told = {n: said(f) if isinstance(f, tuple) else printable(str(f)) for n, f in facts.items()}
    return tell(key, **told)


def _told_of_system(error: OSError) -> str:
    where = "" if error.filename is None else printable(f"{error.filename}")
    kind = _SYSTEM.get(error.errno or 0)
    if kind is not None and where:
        return tell(f"cli.system.{kind}", path=where)
    what = error.strerror or str(error) or type(error).__name__
    return printable(f"{where}: {what}" if where else what)

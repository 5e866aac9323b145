"""What can go wrong with files, as facts; the words are elsewhere."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class TroubleError(Exception):
    """Something that the citizen can mend; afterwards the wizard can run again.

    Attributes:
        code: which text tells of it.
        facts: what the text leaves open.

    """

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = {name: str(fact) for name, fact in facts.items()}


class CancelledError(Exception):
    """The citizen does not want it any more; everything is as it was."""


@contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turn the system's errors about ``place`` into ours.

    Raises:
        TroubleError: always instead of an OSError.

    """
    try:
        yield
    except OSError as error:
        path = error.filename or place
        if error.errno in _NO_SPACE:
            raise TroubleError("disk_full", path=path) from error
        if error.errno in _FORBIDDEN:
            raise TroubleError("no_writing", path=path) from error
        raise TroubleError("other", path=path, detail=error.strerror or error) from error

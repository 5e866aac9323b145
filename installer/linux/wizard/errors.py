"""Errors of the wizard; their texts are in the catalogues of ``agent.words``."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_IN_THE_WAY = frozenset({errno.ENOTDIR, errno.EISDIR, errno.EEXIST})


class WizardError(Exception):
    """A problem that the citizen can solve before running the wizard again.

    Attributes:
        code: names the text, ``wizard.trouble`` in the catalogues.
        facts: the values of the text's ``{…}``.

    """

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = {name: str(fact) for name, fact in facts.items()}


class CancelledError(Exception):
    """The citizen cancelled the installation; nothing was changed."""


@contextmanager
def translated_os_errors(place: Path) -> Iterator[None]:
    """Turn an OSError about ``place`` into a :class:`WizardError`.

    Raises:
        WizardError: an OSError was raised inside.

    """
    try:
        yield
    except OSError as error:
        path = error.filename or place
        if error.errno in _NO_SPACE:
            raise WizardError("disk_full", path=path) from error
        if error.errno in _IN_THE_WAY:
            raise WizardError("in_the_way", path=path) from error
        if error.errno in _FORBIDDEN:
            raise WizardError("no_writing", path=path) from error
        raise WizardError("other", path=path, detail=error.strerror or error) from error

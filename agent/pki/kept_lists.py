"""Keep fetched revocation lists between two runs, one file for each address."""

import hashlib
from contextlib import suppress
from pathlib import Path

from agent.cms.errors import CmsError
from agent.files import replace_file
from agent.pki.anchors import read_bounded
from agent.size_limits import MAX_CRL


class KeptLists:
    """Lists in a folder; a list that cannot be kept is fetched again next time."""

    def __init__(self, folder: Path) -> None:
        """Keep them in ``folder``, which is made when there is something to keep."""
        self._folder = folder

    def load(self, url: str) -> bytes | None:
        """Return the list of an address as it was kept, unverified; None where there is none."""
        try:
            return read_bounded(self._file(url), MAX_CRL)
        except CmsError:
            return None

    def save(self, url: str, der: bytes) -> None:
        """Keep the list of an address in place of the one before; without success is no error."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file(url), der)

    def _file(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()}.crl"

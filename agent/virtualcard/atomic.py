"""Files that are either the old ones or the new ones, whenever the power goes."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file's content through a temporary file beside it; for its owner's eyes only.

    Raises:
        OSError: it could not be written; then the old content is still there.

    """
    path = path.resolve()  # a link stays a link
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as temporary:
        name = Path(temporary.name)
        try:
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
            temporary.close()  # Windows renames no open file
            name.replace(path)
        except BaseException:
            temporary.close()
            name.unlink(missing_ok=True)
            raise

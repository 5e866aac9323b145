"""What rpmsign runs in GnuPG's place: it signs one header with the release key as OpenPGP does.

::

    rpm_signer.py PLAINTEXT SIGNATURE

The key comes by the environment (:mod:`release.release_key`), the date as ``SOURCE_DATE_EPOCH``.
``-`` is standard input. Not to be run by hand: :mod:`release.dnf_repository` does.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from release.openpgp import TwinKey  # found by the line above
from release.release_key import release_key


def main(plaintext: str, signature: str) -> None:
    """Write the signature over a file."""
    content = sys.stdin.buffer.read() if plaintext == "-" else Path(plaintext).read_bytes()
    when = int(os.environ["SOURCE_DATE_EPOCH"])
    Path(signature).write_bytes(TwinKey(release_key(None)).detached(content, when))


if __name__ == "__main__":
    main(*sys.argv[1:])

r"""Take the signature off a Windows program, and compare what is left with what was built.

::

    python installer/release/strip.py ankong.exe --sums UNSIGNED-SHA256SUMS [--out unsigned.exe]

A signature (Authenticode) stands behind the program, where three things are written besides: where
it is, a checksum of the whole file, and at most seven zero octets before it. osslsigncode takes the
signature off and writes a checksum anew. What checksum was there before, if any, and how many of
the zeros were, it cannot know: all of the few possibilities are compared with the sum. Nothing else
of the file may differ.

A wizard that carries signed programs is another than the unsigned one, also without its own
signature: its programs are compared once they are installed. A package (.msi) is refused: there
osslsigncode lays the whole container out anew.

Exit status: 0 it is what was built, or was written without a comparison; 1 it is something else, or
failed. Needs osslsigncode and the standard library.
"""

import argparse
import hashlib
import struct
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ALIGNMENT: Final = 8
"""What a signature begins at a multiple of, in bytes."""
_HEAD: Final = 0x3C
_CHECKSUM: Final = 88
"""Where the checksum stands, in bytes from the letters PE."""


class StripError(Exception):
    """The file cannot be stripped; the text says why."""


def stripped(signed: Path) -> bytes:
    """Return a program without its signature, as osslsigncode leaves it.

    Raises:
        StripError: it is no Windows program, has no signature, or osslsigncode is not there.

    """
    content = signed.read_bytes()
    _checksum_place(content)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "unsigned")
        command = ["osslsigncode", "remove-signature", "-in", str(signed), "-out", str(out)]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        except OSError as error:
            raise StripError(f"osslsigncode: {error}") from error
        if done.returncode != 0 or not out.is_file():
            told = " ".join((done.stdout + done.stderr).split())
            raise StripError(f"osslsigncode took no signature off {signed.name}: {told}")
        return out.read_bytes()


def possibilities(unsigned: bytes) -> Iterator[bytes]:
    """Give what the program may have been before it was signed, likeliest first.

    Args:
        unsigned: from :func:`stripped`.

    """
    place = _checksum_place(unsigned)
    for zeros in range(ALIGNMENT):
        end = len(unsigned) - zeros
        if any(unsigned[end:]):
            return
        bare = bytearray(unsigned[:end])
        bare[place : place + 4] = bytes(4)
        right = bytearray(bare)
        struct.pack_into("<I", right, place, checksum(bare))
        yield bytes(right)
        yield bytes(bare)


def checksum(content: bytes | bytearray) -> int:
    """Return the checksum of a program whose own checksum is zero, as Windows computes it."""
    words = array("H", bytes(content) + bytes(len(content) % 2))
    if sys.byteorder == "big":
        words.byteswap()
    total = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total + len(content)


def _checksum_place(content: bytes) -> int:
    """Return where a program's checksum stands.

    Raises:
        StripError: this is no Windows program.

    """
    try:
        head: int = struct.unpack_from("<I", content, _HEAD)[0]
        is_program = content[:2] == b"MZ" and content[head : head + 4] == b"PE\0\0"
    except struct.error:
        is_program, head = False, 0
    if not is_program or len(content) < head + _CHECKSUM + 4:
        raise StripError("this is no Windows program (.exe, .dll)")
    return head + _CHECKSUM


def wanted(sums: Path, name: str) -> str:
    """Return the SHA-256, in hex, that a list of sums has for a file.

    Raises:
        StripError: it has none, or cannot be read.

    """
    try:
        lines = sums.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StripError(f"{sums}: {error}") from error
    for line in lines:
        found, _, listed = line.partition("  ")
        if listed == name:
            return found
    raise StripError(f"{sums.name} does not name {name}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--sums", type=Path, help="of what was built, as sha256sum prints it")
    parser.add_argument("--out", type=Path, help="the program without its signature")
    options = parser.parse_args(arguments)
    if options.sums is None and options.out is None:
        parser.error("give --sums, --out, or both")
    try:
        found = stripped(options.file)
        if options.sums is not None:
            right = wanted(options.sums, options.file.name)
            same = [
                each for each in possibilities(found) if hashlib.sha256(each).hexdigest() == right
            ]
            if not same:
                print(f"{options.file.name}: not what was built", file=sys.stderr)
                return 1
            found = same[0]
            print(f"{options.file.name}: without its signature it is what was built")
        if options.out is not None:
            options.out.write_bytes(found)
    except (OSError, StripError) as error:
        print(f"strip: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

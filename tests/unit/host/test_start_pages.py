"""What a start needed is given back: an idle agent holds little, and nothing of it is lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.host.machine.start_pages import Mapping, lasting, unchanged

ROOT = Path(__file__).resolve().parents[3]
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux'")
TOLD = """\
55d0c0000000-55d0c0002000 r--p 00000000 fe:00 11 /usr/lib/tables.so
Size:                  8 kB
Anonymous:             0 kB
Swap:                  0 kB
55d0c0002000-55d0c0005000 r-xp 00002000 fe:00 11 /usr/lib/with space.so
Anonymous:             0 kB
Swap:                  0 kB
AnonHugePages:         0 kB
55d0c0005000-55d0c0006000 r--p 00005000 fe:00 11 /usr/lib/relocated.so
Anonymous:             4 kB
Swap:                  0 kB
55d0c0005000-55d0c0006000 r--p 00005000 fe:00 11 /usr/lib/relocated-and-swapped-out.so
Anonymous:             0 kB
Swap:                  4 kB
SwapPss:               0 kB
55d0c0005000-55d0c0006000 r--p 00005000 fe:00 11 /usr/lib/of-an-odd-kernel.so
Anonymous:             0 kB
55d0c0006000-55d0c0007000 rw-p 00006000 fe:00 11 /usr/lib/written.so
Anonymous:             0 kB
Swap:                  0 kB
55d0c0007000-55d0c0008000 r--s 00000000 fe:00 12 /home/shared.db
Anonymous:             0 kB
Swap:                  0 kB
55d0c0008000-55d0c0009000 r--p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
7ffe00000000-7ffe00001000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
Swap:                  0 kB
"""
# Uses what it gave back, in several threads, while others give it back again.
PROGRAM = """
import concurrent.futures, hashlib, os, re, sqlite3, ssl, unicodedata, zlib
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives import hashes
from agent.host.machine.memory import shut_others_out
from agent.host.machine.start_pages import give_back

def files():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def work(number):
    key = ec.generate_private_key(ec.SECP256R1())
    key.public_key().verify(key.sign(b"%d" % number, ec.ECDSA(hashes.SHA256())), b"%d" % number,
                            ec.ECDSA(hashes.SHA256()))
    ssl.create_default_context()
    rows = sqlite3.connect(":memory:").execute("select 6 * 7").fetchall()
    return zlib.decompress(zlib.compress(b"a" * number)) == b"a" * number and rows == [(42,)]

work(1)  # loads all that is loaded on demand: afterwards the interpreter may be out of reach
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    pool.submit(work, 2).result()
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
shut_others_out()
before = files()
given = give_back()
after = files()
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    works = list(pool.map(work, range(20)))
    again = [pool.submit(give_back) for _ in range(8)]
    works += pool.map(work, range(200))
print(given > 0, after < before / 2, all(works), all(each.result() > 0 for each in again))
"""


def test_only_unchanged_pages_of_files_that_nobody_writes_to_are_given_back() -> None:
    assert list(unchanged(TOLD)) == [
        Mapping(0x55D0C0000000, 0x2000, "/usr/lib/tables.so"),
        Mapping(0x55D0C0002000, 0x3000, "/usr/lib/with space.so"),
    ]


@LINUX
def test_a_file_that_is_no_library_may_be_unmapped_meanwhile_and_is_left_alone(
    tmp_path: Path,
) -> None:
    document = tmp_path / "document"
    document.write_bytes(bytes(4096))
    program = os.path.realpath("/proc/self/exe")

    told = f"1000-2000 r--p 0 fe:00 1 {document}\nAnonymous: 0 kB\nSwap: 0 kB\n"
    told += f"2000-3000 r-xp 0 fe:00 2 {program}\nAnonymous: 0 kB\nSwap: 0 kB\n"

    assert list(lasting(lambda: told)) == [Mapping(0x2000, 0x1000, program)]


@LINUX
def test_what_was_unmapped_between_two_looks_is_left_alone() -> None:
    program = os.path.realpath("/proc/self/exe")
    looks = iter([f"2000-3000 r-xp 0 fe:00 2 {program}\nAnonymous: 0 kB\nSwap: 0 kB\n", ""])

    assert list(lasting(lambda: next(looks))) == []


@LINUX
def test_a_process_gives_back_most_of_its_program_files_and_works_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.stdout.strip(), done.stderr) == ("True True True True", "")

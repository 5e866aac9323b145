"""A site that is loaded and used, then forked, as a server with ``--preload`` does.

``DATABASE FOLDER URL...``: it verifies a login of the vectors in the parent, in two children, in a
child of a child, and in the parent again, each with a challenge of its own.
"""

import os
import signal
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from agent.kits.vectors.__main__ import FOLDER
from agent.relying import SqlStore, TrustStore
from agent.relying.blocking import Challenges, LoginVerifier, RevocationLists

database, folder, *urls = sys.argv[1:]
trust = TrustStore.load([FOLDER / "root.cer"], [FOLDER / "ca.cer"])
lists = RevocationLists(urls, Path(folder), trust=trust)
lists.open()
challenges = Challenges(SqlStore(lambda: sqlite3.connect(database), paramstyle="qmark"))
verifier = LoginVerifier(origins=["https://portal.example"], trust=trust, revocation=lists)
CHALLENGE = bytes(range(0xE0, 0x100)) + b"32 more octets, in ASCII letters"
TOKEN = (FOLDER / "valid.der").read_bytes()
assert datetime.now(UTC).year < 2049


def use() -> None:
    name = str(os.getpid())
    issued = challenges.issue(name)
    challenges.redeem(name, issued.id, TOKEN)
    verify()


def verify() -> None:
    verifier.verify(TOKEN, challenge=CHALLENGE)


def in_child(depth: int) -> int:
    child = os.fork()
    if child == 0:
        signal.alarm(50)  # nobody else would end it
        use()
        codes = [in_child(depth - 1)] if depth else []
        use()
        # Leaves as a worker does, so that what is to be closed at the end of a process is.
        sys.exit(max(codes, default=0))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


use()
# Whatever this holds at the moment of a fork, the child has to do without. SQLite may not be open
# at that moment: a child would wait for ever for locks that only its parent can give back.
busy = threading.Thread(target=lambda: [verify() for _ in range(20)])
busy.start()
results = [in_child(0), in_child(1)]
busy.join()
use()
assert results == [0, 0], results
sys.stdout.write("all\n")

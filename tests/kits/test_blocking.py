"""The synchronous names: the same as the others, from many threads, after forks, at the end."""

import base64
import inspect
import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent.kits.vectors.__main__ import FOLDER, MANIFEST
from agent.pki.revocation import FileSource, RevocationData
from agent.relying import (
    ChallengeError,
    ChallengeStoreError,
    MemoryStore,
    TrustStore,
    VerificationError,
    blocking,
    challenges,
    document,
    hex_secret,
    lists,
    login,
)
from agent.relying.blocking_loop import Wrapped
from tests.kits.list_server import serving
from tests.kits.store_cases import create_sqlite

ROOT = Path(__file__).resolve().parents[2]
PAIRS = [
    (blocking.Challenges, challenges.Challenges),
    (blocking.DocumentVerifier, document.DocumentVerifier),
    (blocking.LoginVerifier, login.LoginVerifier),
    (blocking.RevocationLists, lists.RevocationLists),
]
TRUST = TrustStore.load([FOLDER / "root.cer"], [FOLDER / "ca.cer"])
LISTS = FileSource([FOLDER / "root.crl", FOLDER / "ca.crl"])
FOUND = json.loads((FOLDER / MANIFEST).read_text("ascii"))
ORIGIN: str = FOUND["origin"]
CHALLENGE = base64.urlsafe_b64decode(FOUND["challenge"] + "==")
TOKEN = (FOLDER / "valid.der").read_bytes()


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=[each.__name__ for _, each in PAIRS])
def test_a_synchronous_name_takes_what_the_other_takes(ours: Any, theirs: Any) -> None:
    asked = ["__init__"]
    asked += [
        name
        for name, value in vars(theirs).items()
        if inspect.iscoroutinefunction(value) and not name.startswith("_")
    ]
    assert len(asked) > 1
    for name in asked:
        if name == "judge":  # of certificates that logged in once, for the portal
            continue
        mine, its = (inspect.signature(getattr(each, name)) for each in (ours, theirs))
        assert list(mine.parameters) == list(its.parameters)
        for one, other in zip(mine.parameters.values(), its.parameters.values(), strict=True):
            assert (one.kind, one.default) == (other.kind, other.default)


def test_of_many_threads_one_wins() -> None:
    desk = blocking.Challenges(MemoryStore())
    issued = desk.issue("session")
    together = threading.Barrier(16)

    def redeem(number: int) -> str:
        together.wait()
        try:
            return desk.redeem("session", issued.id, bytes([number])).hex()
        except ChallengeError as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        found = Counter(pool.map(redeem, range(16)))
    assert found["challenge_used"] == 15
    assert len(found) == 2


def test_a_login_is_verified() -> None:
    verifier = blocking.LoginVerifier(origins=[ORIGIN], trust=TRUST, revocation=LISTS)
    assert verifier.verify(TOKEN, challenge=CHALLENGE).origin == ORIGIN
    with pytest.raises(VerificationError, match="challenge_mismatch"):
        verifier.verify(TOKEN, challenge=bytes(32))


def test_a_document_is_verified() -> None:
    verifier = blocking.DocumentVerifier(trust=TRUST, revocation=LISTS)
    signed = verifier.verify((FOLDER / "type-data.der").read_bytes())
    assert signed.holder.subject_serial == "9999000000000001"
    with pytest.raises(VerificationError, match="wrong_content_type"):
        verifier.verify(TOKEN)


def test_what_is_wrong_with_settings_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="slash"):
        blocking.LoginVerifier(origins=[ORIGIN + "/"], trust=TRUST, revocation=LISTS)
    with pytest.raises(ValueError, match="only plain http"):
        blocking.RevocationLists(["ftp://127.0.0.1/"], tmp_path, trust=TRUST)
    for text in ("", "00" * 31, "64-hexadecimal-digits"):
        with pytest.raises(ValueError, match="openssl rand"):
            hex_secret(text)
    assert hex_secret("0F" * 32) == b"\x0f" * 32


def test_a_program_that_ends_at_once_says_nothing_of_its_lists(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom agent.relying import TrustStore, blocking\n"
        "root, url, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])\n"
        "trust = TrustStore.load([root])\n"
        "blocking.RevocationLists([url], folder, trust=trust).open()\n"
        "raise SystemExit('the one thing to read')\n"
    )
    with serving(FOLDER) as url:
        command = [
            sys.executable,
            "-c",
            program,
            FOLDER / "root.cer",
            f"{url}/root.crl",
            tmp_path / "lists",
        ]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
    assert done.stderr == "the one thing to read\n"


def test_lists_that_are_not_open_are_no_lists(tmp_path: Path) -> None:
    with serving(FOLDER) as url:
        urls = [f"{url}/root.crl", f"{url}/ca.crl"]
        found = blocking.RevocationLists(urls, tmp_path / "lists", trust=TRUST)
        verifier = blocking.LoginVerifier(origins=[ORIGIN], trust=TRUST, revocation=found)
        with pytest.raises(RuntimeError, match="outside"):
            verifier.verify(TOKEN, challenge=CHALLENGE)
        with found:
            assert isinstance(found.current(), RevocationData)
            verifier.verify(TOKEN, challenge=CHALLENGE)
        with pytest.raises(RuntimeError, match="outside"):
            verifier.verify(TOKEN, challenge=CHALLENGE)


def test_a_folder_that_cannot_be_written_is_told_when_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = blocking.RevocationLists(["http://127.0.0.1:1/"], tmp_path / "file", trust=TRUST)
    with pytest.raises(Exception, match="file"), found:
        pass
    found.close()


async def test_a_thread_with_a_loop_is_refused_and_not_held_up() -> None:
    desk = blocking.Challenges(MemoryStore())
    with pytest.raises(RuntimeError, match="await the asynchronous names"):
        desk.issue("session")


def test_an_outage_is_no_verdict() -> None:
    desk = blocking.Challenges(MemoryStore(max_records=0))
    with pytest.raises(ChallengeStoreError):
        desk.issue("session")


def test_who_is_called_from_the_loop_does_not_wait_for_itself() -> None:
    inner = blocking.Challenges(MemoryStore())

    class Asks:
        async def ask(self) -> None:
            inner.issue("session")

    with pytest.raises(RuntimeError, match="await the asynchronous names"):
        Wrapped(Asks).call(lambda it: it.ask())


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_site_that_was_loaded_before_its_server_forks_works(tmp_path: Path) -> None:
    with serving(FOLDER) as url:
        database = create_sqlite(tmp_path / "challenges.db")
        urls = [f"{url}/root.crl", f"{url}/ca.crl"]
        command = ["-W", "error::ResourceWarning", "-m", "tests.kits.forking_site"]
        done = run(*command, database, str(tmp_path / "lists"), *urls)
    assert done.stdout == "all\n", done.stderr
    assert done.stderr == ""
    assert done.returncode == 0


ENDING = """
import atexit, sys, threading, time
from agent.relying import MemoryStore
from agent.relying.blocking_loop import Wrapped

def late():
    try:
        source.call(lambda it: it.wait())
    except RuntimeError as error:
        print(error)

atexit.register(late)
import asyncio
from agent.relying import blocking_loop
atexit.unregister(blocking_loop._PROCESS.end)
atexit.register(blocking_loop._PROCESS.end)  # runs first: the last of them

class Source:
    async def __aenter__(self):
        self.task = asyncio.create_task(asyncio.sleep(3600))
    async def __aexit__(self, *_):
        print("closed")
    async def wait(self):
        waiting.set()
        await asyncio.sleep(3600)

waiting = threading.Event()
source = Wrapped(Source)
source.open()

def wait():
    try:
        source.call(lambda it: it.wait())
    except BaseException as error:
        assert type(error).__name__ == "CancelledError", error

threading.Thread(target=wait, daemon=True).start()
waiting.wait()
"""


def test_a_process_ends_whoever_waits_and_closes_what_is_open() -> None:
    done = run("-X", "dev", "-c", ENDING)
    assert done.stdout.splitlines() == ["closed", "this process is ending"]
    assert done.stderr == ""
    assert done.returncode == 0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )

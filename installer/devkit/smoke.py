"""Use an installed program the way a person and a page do, and say what was seen.

Nothing but the standard library is needed, and nothing of the checkout is imported, so that it
runs on any system that a release is for. The card is a virtual one, of an invented person; what
the program keeps is in a folder that goes at the end.
"""

import base64
import json
import queue
import ssl
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from devkit.agreement import version_of
from devkit.shell import ROOT, SetupError, say

PIN: Final = "246813"
ORIGIN: Final = "https://smoke.example"
SECONDS: Final = 120
_LETTER: Final = "Ti\u1ebfng Vi\u1ec7t\n".encode()  # three bytes to some letters
_BROKEN, _PROVEN = 1, 0


@dataclass
class Smoke:
    """The program under test, and a folder for all that it keeps.

    Attributes:
        program: its path.
        folder: an empty one.
        seen: what was proven so far, a line each.

    """

    program: Path
    folder: Path
    seen: list[str] = field(default_factory=list)

    @property
    def state(self) -> Path:
        """The program's state folder."""
        return self.folder / "state"

    def call(self, *words: str | Path, typed: str = "", status: int | None = 0) -> str:
        """Run the program with its state in our folder; return what it printed.

        Args:
            words: command and arguments.
            typed: its standard input.
            status: the exit status that is right; None takes any.

        Raises:
            SetupError: it ended in another way, or did not end within :data:`SECONDS`.

        """
        command = [str(self.program), *map(str, words)]
        if words[0] != "--version":
            command += ["--state-dir", str(self.state)]
        try:
            done = subprocess.run(
                command, input=typed.encode(), capture_output=True, check=False, timeout=SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SetupError(f"smoke: {words[0]}: {error}") from error
        printed = done.stdout.decode("utf-8", "replace")
        if status is not None and done.returncode != status:
            told = printed + done.stderr.decode("utf-8", "replace")
            raise SetupError(f"smoke: {words[0]} ended with {done.returncode}:\n{told}")
        return printed

    def saw(self, line: str) -> None:
        """Remember and print what was proven."""
        self.seen.append(line)
        say(f"  {line}")


def use(program: Path) -> list[str]:
    """Use a program in every way that needs neither a reader nor a screen; return what was seen.

    Raises:
        SetupError: it did something else than it should; the text says what.

    """
    if not program.is_file():
        raise SetupError(f"smoke: there is no program {program}")
    say(f"using {program}")
    with tempfile.TemporaryDirectory(prefix="ankong-smoke-") as folder:
        smoke = Smoke(program, Path(folder))
        _version(smoke)
        _doctor(smoke)
        card = smoke.folder / "test.card"
        smoke.call("card", "new", "--name", "SMOKE TEST", "--pin", PIN, "--out", card)
        _command_line(smoke, card)
        _page(smoke, card)
        return smoke.seen


def _version(smoke: Smoke) -> None:
    wanted = f"ankong {version_of(ROOT)}"
    told = smoke.call("--version").strip()
    if told != wanted:
        raise SetupError(f"smoke: it calls itself {told!r}, and this checkout is {wanted!r}")
    smoke.saw(told)


def _doctor(smoke: Smoke) -> None:
    # A fresh machine has no reader: what the doctor finds is told, and is no failure here.
    told = smoke.call("doctor", "--json", status=None)
    try:
        found = json.loads(told)["findings"]
        faults = sorted({each["code"] for each in found if each["level"] != "ok"})
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"smoke: the doctor's report cannot be read: {told!r}") from error
    if not found:
        raise SetupError("smoke: the doctor looked at nothing")
    smoke.saw(f"the doctor looked at {len(found)} things; not in order: {', '.join(faults)}")


def _command_line(smoke: Smoke, card: Path) -> None:
    """Sign on the command line, and have it judged, also after a letter was changed."""
    letter, signed = smoke.folder / "letter.txt", smoke.folder / "letter.p7m"
    letter.write_bytes(_LETTER)
    words = ("sign", letter, "--virtual-card", card, "--out", signed, "--pin-stdin")
    smoke.call(*words, typed=f"{PIN}\n")
    smoke.call("verify", signed, *_authorities(smoke), status=_PROVEN)
    smoke.saw("signed on the command line, and verified")
    broken = smoke.folder / "broken.p7m"
    content = signed.read_bytes()
    if content.count(_LETTER) != 1:
        raise SetupError("smoke: the signature does not contain the letter once")
    broken.write_bytes(content.replace(_LETTER, bytes([_LETTER[0] ^ 1]) + _LETTER[1:]))
    smoke.call("verify", broken, *_authorities(smoke), status=_BROKEN)
    smoke.saw("a changed letter is called broken")


def _authorities(smoke: Smoke) -> list[str | Path]:
    """Return the options that trust the test authority of the card, and name its lists."""
    issuer = smoke.state / "issuer"
    own = (("--anchors", "root.cer"), ("--intermediates", "ca.cer"))
    lists = (("--crl", "root.crl"), ("--crl", "ca.crl"))
    return [word for option, name in (*own, *lists) for word in (option, issuer / name)]


def _page(smoke: Smoke, card: Path) -> None:
    """Ask the running agent as a page would."""
    with _agent(smoke, card) as ready:
        trust = ssl.create_default_context(cafile=str(smoke.state / "tls" / "authority.pem"))
        address = f"https://localhost:{ready['port']}/v1/"
        status = _ask(address + "status", trust)
        if status.get("product") != "ankong" or status.get("allowed") is not False:
            raise SetupError(f"smoke: a stranger is told {status}")
        smoke.saw("the agent answers a stranger over https, by its own certificate")
        ping = _ask(f"http://localhost:{ready['hipki_port']}/v1/ping", None)
        smoke.saw(f"the old component's port answers: {sorted(ping)}")
        data = base64.b64encode(_LETTER).decode()
        asked = {"data": data, "hash": "SHA-256", "format": "cms", "pin": PIN}
        found = _ask(address + "sign", trust, {"params": asked})
        signed = smoke.folder / "page.p7m"
        signed.write_bytes(base64.b64decode(found["result"]["signature"]))
        smoke.call("verify", signed, *_authorities(smoke), status=_PROVEN)
        smoke.saw("a page had it sign; verified")
        smoke.call("quit")
    smoke.saw("it ended when it was told to")


@contextmanager
def _agent(smoke: Smoke, card: Path) -> Iterator[dict[str, Any]]:
    """Run the agent on free ports with a card in its reader; give what it says when ready."""
    words = ["serve", "--port", "0", "--hipki-port", "0", "--consent", "allow"]
    more = ["--virtual-card", str(card), "--state-dir", str(smoke.state)]
    with subprocess.Popen(
        [str(smoke.program), *words, *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as running:
        try:
            yield _ready(running)
            status = running.wait(SECONDS)
            if status != 0:
                raise SetupError(f"smoke: the agent ended with {status}")
        except subprocess.TimeoutExpired as error:
            raise SetupError("smoke: the agent did not end") from error
        finally:
            if running.poll() is None:
                running.kill()


def _ready(running: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """Return the line of JSON with which the agent says that it is ready."""
    lines: queue.Queue[bytes] = queue.Queue()
    stream = running.stdout
    if stream is None:
        raise SetupError("smoke: the agent has no standard output")
    threading.Thread(target=lambda: lines.put(stream.readline()), daemon=True).start()
    try:
        ready: dict[str, Any] = json.loads(lines.get(timeout=SECONDS))
    except (queue.Empty, ValueError) as error:
        raise SetupError("smoke: the agent did not say that it is ready") from error
    return ready


def _ask(
    address: str, trust: ssl.SSLContext | None, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Ask the agent, with a body as the page of :data:`ORIGIN`; return its answer."""
    headers = {} if body is None else {"Content-Type": "application/json", "Origin": ORIGIN}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, headers)  # noqa: S310  # our own loopback
    # No proxy of the machine's is asked about this machine.
    openers: Sequence[urllib.request.BaseHandler] = (
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=trust),
    )
    try:
        with urllib.request.build_opener(*openers).open(request, timeout=SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        told = error.read().decode("utf-8", "replace")
        raise SetupError(f"smoke: {address} answers {error.code}: {told}") from error
    except (OSError, ValueError) as error:
        raise SetupError(f"smoke: {address}: {error}") from error
    return found

"""Follow the READMEs of the kits from an empty folder to a login, as a newcomer does.

Nothing but the built packages is installed, with the commands that the README says; its blocks are
written to the files that it names. Only what a newcomer would change is changed: where a package
lies, which authority is trusted, and the port.
"""

import base64
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any, Protocol

from tests.kits.blocks import blocks_of, region
from tests.kits.list_server import serving
from tests.kits.site_programs import SECRET, SiteVisitor, sign

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "installer" / "requirements" / "dev.txt"
ORIGIN = "https://portal.example"  # what the READMEs say
AIM = 120  # seconds, with a warm cache
_PORT = re.compile(r"(?:listening on |127\.0\.0\.1:)([0-9]+)")
_PIN = re.compile(r"^([a-z0-9][\w.-]*==[^\s\\]+(?: ;[^\\\n]+)?)", re.MULTILINE | re.IGNORECASE)
_SPAN = re.compile(r"`([^`]+)`")
_TABLE = """
    CREATE TABLE challenges
        (id TEXT PRIMARY KEY, session TEXT, challenge TEXT, expires REAL, used INTEGER DEFAULT 0)
"""


class Visitor(Protocol):
    """Somebody in a session of their own."""

    def challenge(self) -> tuple[str, bytes]: ...
    def log_in(self, challenge_id: str, token: bytes) -> tuple[int, Any]: ...


Visits = Callable[[], Visitor]


class Readme:
    """What a README says to do."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.blocks = {block.source: block.text for block in blocks_of(text)}

    def command(self, *words: str) -> str:
        """Return the one command in a sentence that begins with the first, and has the others."""
        prose = re.sub(r"^```.*?^```$", "", self.text, flags=re.MULTILINE | re.DOTALL)
        spans = [span for span in _SPAN.findall(prose) if span.startswith(words[0])]
        (found,) = {span for span in spans if all(word in span for word in words)}
        return str(found)

    def block(self, source: str, part: str | None = None) -> str:
        return self.blocks[source, part]

    def is_of(self, package: Path) -> None:
        """Compare each block with the file that the package brings."""
        for source in self.blocks:
            assert source is not None
            file, part = source
            packed = region((package / file).read_text("utf-8"), part)
            assert packed.strip("\n") == self.blocks[source].strip("\n")


class Newcomer:
    """Somebody in an empty folder, with the built packages and a shell."""

    def __init__(self, packages: Path, folder: Path) -> None:
        self.packages = packages
        self.folder = folder
        names = ("PYTHON", "PYTEST", "COVERAGE", "GUNICORN", "VIRTUAL_ENV")
        self.env = {key: text for key, text in os.environ.items() if not key.startswith(names)}

    def package(self, pattern: str) -> Path:
        (found,) = self.packages.glob(pattern)
        return found

    def run(self, command: str, **settings: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.env | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def make_venv(self) -> Path:
        """Make a virtual environment, the first on the path; return its packages' folder."""
        self.run(shlex.join([sys.executable, "-m", "venv", "venv"]))
        scripts = self.folder / "venv" / "bin"
        self.env["PATH"] = f"{scripts}{os.pathsep}{self.env['PATH']}"
        (found,) = (self.folder / "venv" / "lib").glob("python*/site-packages")
        return found

    def pip(self, command: str) -> None:
        """Install what a README says, ours as it was built and others as we have locked them."""
        pins = self.folder / "constraints.txt"
        pins.write_text("\n".join(_PIN.findall(LOCK.read_text("utf-8"))) + "\n", "utf-8")
        words = shlex.split(command)
        for at, word in enumerate(words):
            if found := re.fullmatch(r"(ankong[a-z-]*)(\[\w+\])", word):
                wheel = self.package(f"{found[1].replace('-', '_')}-*.whl")
                words[at] = f"{wheel}{found[2]}"
        self.run(shlex.join([*words, "-q", "--prefer-binary", "-c", str(pins)]))

    @contextmanager
    def started(self, command: str, **settings: str) -> Iterator[int]:
        """Run a server until the end of the block, and give its port."""
        with subprocess.Popen(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.env | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as server:
            try:
                assert server.stdout is not None
                yield _port_in(server.stdout)
            finally:
                os.killpg(server.pid, signal.SIGTERM)


def _port_in(lines: Iterator[str]) -> int:
    said = []
    for line in lines:
        said.append(line)
        if found := _PORT.search(line):
            return int(found[1])
    raise AssertionError("".join(said))


def readme_of_wheel(wheel: Path) -> Readme:
    """Return the long description of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        text = message_from_bytes(archive.read(name)).get_payload(decode=True)
    assert isinstance(text, bytes)
    return Readme(text.decode("utf-8"))


@contextmanager
def python_site(new: Newcomer) -> Iterator[Visits]:
    """Follow the README for sites in Python."""
    readme = readme_of_wheel(new.package("ankong_verify-*.whl"))
    vectors = new.make_venv() / "ankong_verify" / "vectors"
    new.pip(readme.command("pip install"))
    state = new.folder / "state"
    state.mkdir()
    (new.folder / "flask_app.py").write_text(readme.block("examples/flask_app.py"), "utf-8")
    with serving(vectors) as lists:
        mine = {
            "ACCOUNT_SECRET": SECRET.hex(),
            "STATE": str(state),
            "TRUST_ROOTS": str(vectors / "root.cer"),
            "TRUST_CAS": str(vectors / "ca.cer"),
            "LIST_URLS": f'"{lists}/root.crl {lists}/ca.crl"',
        }
        settings = readme.block("examples/site.env")
        for name, value in mine.items():
            settings, count = re.subn(
                rf"^{name}=.*$", f"{name}={value}", settings, flags=re.MULTILINE
            )
            assert count == 1
        (new.folder / "site.env").write_text(settings, "utf-8")
        command = readme.command("set -a", "gunicorn")
        with new.started(command, GUNICORN_CMD_ARGS="--bind=127.0.0.1:0") as port:
            yield lambda: SiteVisitor(port)


@contextmanager
def node_site(new: Newcomer) -> Iterator[Visits]:
    """Follow the README for sites in Node.js."""
    new.run("npm init -y")
    package = new.package("ankong-verify-[0-9]*.tgz")
    new.run(f"npm install --offline --no-audit --no-fund {shlex.quote(str(package))}")
    installed = new.folder / "node_modules" / "ankong-verify"
    readme = Readme((installed / "README.md").read_text("utf-8"))
    readme.is_of(installed)
    (new.folder / "first.mjs").write_text(readme.block("examples/first.mjs"), "utf-8")
    assert "9999000000000001" in new.run(readme.command("node first.mjs"))
    command = readme.command("node ", "server.mjs")
    with new.started(command, **_settings(installed / "vectors")) as port:
        yield lambda: SiteVisitor(port)


def _settings(trust: Path) -> dict[str, str]:
    secret = SECRET.hex()
    return {
        "ANKONG_TRUST": str(trust),
        "ANKONG_ORIGIN": ORIGIN,
        "ACCOUNT_SECRET": secret,
        "PORT": "0",
    }


def _unpacked(new: Newcomer, language: str) -> Readme:
    """Unpack an archive, and go into its folder."""
    with tarfile.open(new.package(f"ankong-verify-{language}-*.tar.gz")) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4
        archive.extractall(new.folder)  # noqa: S202  # our own package
    (new.folder,) = new.folder.iterdir()
    readme = Readme((new.folder / "README.md").read_text("utf-8"))
    readme.is_of(new.folder)
    return readme


@contextmanager
def php_site(new: Newcomer) -> Iterator[Visits]:
    """Follow the README for sites in PHP."""
    readme = _unpacked(new, "php")
    assert "9999000000000001" in new.run(readme.command("php examples/first.php"))
    command = readme.command("php -S").replace(":8080", ":0")
    # Where sessions are is the server's to say, and may be closed to us.
    command = command.replace("php ", "php -d session.save_path=. ", 1)
    with new.started(command, **_settings(new.folder / "vectors")) as port:
        yield lambda: SiteVisitor(port)


@contextmanager
def java_site(new: Newcomer) -> Iterator[Visits]:
    """Follow the README for sites in Java."""
    readme = _unpacked(new, "java")
    new.run(readme.command("javac", "First.java"))
    assert "9999000000000001" in new.run(readme.command("java ", " First "))
    new.run(readme.command("javac", "LoginServer.java"))
    command = readme.command("java ", " LoginServer")
    with new.started(command, **_settings(new.folder / "vectors")) as port:
        yield lambda: SiteVisitor(port)


@contextmanager
def go_site(new: Newcomer) -> Iterator[Visits]:
    """Follow the README for sites in Go."""
    readme = _unpacked(new, "go")
    new.env |= {"GOPROXY": "off"}
    assert "9999000000000001" in new.run(readme.command("go run", "first"))
    command = readme.command("go run", "login")
    with new.started(command, **_settings(new.folder / "vectors")) as port:
        yield lambda: SiteVisitor(port)


class SqlVisitor:
    """A visitor of a site in any language: the README's statements, and its question to ours."""

    def __init__(self, new: Newcomer, readme: Readme, service: str) -> None:
        self._new = new
        self._service = service
        self._session = os.urandom(16).hex()
        self._ask = readme.block("examples/curl.sh", "curl")
        statements = readme.block("examples/challenges.sql", "sql").split(";\n")
        self._insert, self._update = statements[:2]

    def challenge(self) -> tuple[str, bytes]:
        challenge, name = os.urandom(32), os.urandom(16).hex()
        text = base64.urlsafe_b64encode(challenge).decode().rstrip("=")
        row = {"id": name, "challenge": text, "expires": time.time() + 300}
        self._execute(self._insert, row)
        return name, challenge

    def log_in(self, challenge_id: str, token: bytes) -> tuple[int, Any]:
        rows = self._execute(self._update, {"id": challenge_id, "now": time.time()})
        if len(rows) != 1:
            return 400, {"code": "challenge_unknown"}
        settings = {"SERVICE": self._service, "KEY": "none", "CHALLENGE": rows[0][0]}
        settings["TOKEN"] = base64.b64encode(token).decode()
        found = json.loads(self._new.run(self._ask, **settings))
        if found["verdict"] != "accepted":
            return 400, {"code": found["code"]}
        return 200, {"name": found["login"]["holder"]["name"]}

    def _execute(self, statement: str, row: dict[str, Any]) -> list[Any]:
        with sqlite3.connect(self._new.folder / "site.db") as database:
            rows = database.execute(statement, row | {"session": self._session}).fetchall()
        database.close()
        return rows


@contextmanager
def service_site(new: Newcomer) -> Iterator[Visits]:
    """Follow the README of the service, which no package has."""
    readme = Readme((ROOT / "agent" / "validator" / "README.md").read_text("utf-8"))
    new.make_venv()
    new.pip(readme.command("pip install"))
    new.run(readme.command("cp -R"))
    config = readme.block("examples/try.toml")
    (new.folder / "try.toml").write_text(config.replace(":28460", ":0"), "utf-8")
    database = sqlite3.connect(new.folder / "site.db")
    database.execute(_TABLE)
    database.close()
    with new.started(readme.command("ankong-verify serve")) as port:
        yield lambda: SqlVisitor(new, readme, f"http://127.0.0.1:{port}")


def log_in(visits: Visits) -> None:
    """Let a citizen in, and nobody by a token of another session or of another site."""
    citizen, stranger = visits(), visits()
    name, challenge = citizen.challenge()
    token = sign(challenge, origin=ORIGIN)
    assert citizen.log_in(name, token) == (200, {"name": "測試假人"})
    other, asked = stranger.challenge()
    assert stranger.log_in(name, token) == (400, {"code": "challenge_unknown"})
    relayed = sign(asked, origin="https://evil.example")
    assert stranger.log_in(other, relayed) == (400, {"code": "origin_mismatch"})


SITES = {
    "python": python_site,
    "node": node_site,
    "service": service_site,
    "php": php_site,
    "java": java_site,
    "go": go_site,
}


def play(kit: str, packages: Path, folder: Path) -> float:
    """Follow a kit's README to the end; print and return how many seconds it took."""
    began = time.monotonic()
    with SITES[kit](Newcomer(packages, folder)) as visits:
        log_in(visits)
    took = time.monotonic() - began
    sys.stdout.write(f"{kit}: {took:.1f} s from an empty folder to a login (the aim is {AIM} s)\n")
    shutil.rmtree(folder, ignore_errors=True)  # an environment has many files
    return took

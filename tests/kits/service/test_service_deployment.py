"""What goes along with the service: README, examples, description, unit, container."""

import asyncio
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.kits.vectors.__main__ import FOLDER
from agent.validator import openapi
from agent.validator.__main__ import _parser
from agent.validator.codes import catalogue
from agent.validator.config import parse_config
from agent.validator.judging import check_meaning
from agent.validator.messages import RejectionAnswer
from tests.kits.service.service_support import FOUND, KEY, ROOT, login_of, service

VALIDATOR = ROOT / "agent" / "validator"
EXAMPLES = VALIDATOR / "examples"
UNIT = VALIDATOR / "validator.service"
README = (VALIDATOR / "README.md").read_text("utf-8")


def settings(port: int) -> dict[str, str]:
    asked = login_of()
    address = f"http://127.0.0.1:{port}"
    own = {"SERVICE": address, "KEY": KEY, "TOKEN": asked["token"], "CHALLENGE": asked["challenge"]}
    return {**os.environ, **own, "no_proxy": "*"}


async def run(words: list[str], port: int) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *words,
        env=settings(port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_five_minutes_are_enough(tmp_path: Path) -> None:
    """What README says to try works: the configuration, and curl."""
    (tmp_path / "vectors").mkdir()
    for path in FOLDER.iterdir():
        if path.suffix in {".cer", ".crl"}:
            shutil.copy(path, tmp_path / "vectors")
    text = (EXAMPLES / "try.toml").read_text()
    async with service(parse_config(text, tmp_path)) as found:
        status, out, err = await run(["sh", str(EXAMPLES / "curl.sh")], found.port)
    assert (status, err) == (0, "")
    assert json.loads(out)["verdict"] == "accepted"


@pytest.mark.skipif(shutil.which("perl") is None, reason="perl is missing")
async def test_the_example_in_perl_knows_accepted_from_refused() -> None:
    words = ["perl", str(EXAMPLES / "verify.pl")]
    async with service() as found:
        assert (await run(words, found.port))[:2] == (0, "9999000000000001\n")
        found.app.judging._logins = {}
        status, out, err = await run(words, found.port)
    assert status != 0
    assert (out, err) == ("", "no verdict: 500\n")


@pytest.mark.skipif(shutil.which("ruby") is None, reason="ruby is missing")
def test_the_example_in_ruby_is_ruby() -> None:
    subprocess.run(["ruby", "-c", EXAMPLES / "verify.rb"], check=True, capture_output=True)


def test_what_readme_calls_untested_is_what_is_not_run() -> None:
    untested = {path.name for path in EXAMPLES.iterdir() if "Untested." in path.read_text("utf-8")}
    assert untested == {"verify.rb", "Verify.cs"}
    for heading in ("Ruby (untested):", "C# (untested):"):
        assert heading in README


def test_one_challenge_is_taken_once() -> None:
    """The three statements of README, on SQLite."""
    text = (EXAMPLES / "challenges.sql").read_text()
    insert, update, delete = re.sub(r"--.*", "", text).split(";")[:3]
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE challenges (id, session, challenge, expires, used DEFAULT 0)")
        row = {"id": "1", "session": "a", "challenge": b"c", "expires": 300}
        db.execute(insert, row)
        asked = {"id": "1", "session": "a", "now": 10}
        assert db.execute(update, {**asked, "session": "b"}).fetchall() == []
        assert db.execute(update, {**asked, "now": 300}).fetchall() == []
        assert db.execute(update, asked).fetchall() == [(b"c",)]
        assert db.execute(update, asked).fetchall() == []
        db.execute(delete, {"now": 301})
        assert db.execute("SELECT count(*) FROM challenges").fetchone() == (0,)
    db.close()


def test_the_configuration_to_go_live_with_is_one() -> None:
    config = parse_config((EXAMPLES / "ankong-verify.toml").read_text(), Path("/etc"))
    check_meaning(config)
    assert str(config.listen[0]) == "unix:/run/ankong-verify/socket"


def test_the_description_is_that_of_the_types() -> None:
    committed = openapi.OPENAPI_FILE.read_text("ascii")
    assert committed == openapi.render(openapi.openapi()), "run python -m agent.validator.openapi"


async def test_what_is_served_is_described_and_the_other_way_round() -> None:
    async with service() as found:
        described: dict[str, Any] = json.loads((await found.get("/v1/openapi.json"))[1])
        assert described == openapi.openapi()
        assert json.loads((await found.get("/v1/errors.json"))[1]) == catalogue()
        served = {
            (route.resource.canonical, route.method.lower())
            for route in found.app.make().router.routes()
            if route.resource is not None and route.method != "HEAD"
        }
        told = {(path, method) for path, item in described["paths"].items() for method in item}
        assert served == told
        for path in ("/v1/login/verify", "/nothing"):
            status, answer = await found.get(path)
            read = msgspec.json.decode(answer, type=RejectionAnswer)
            assert catalogue()[read.error.code.value]["status"] == status


def test_readme_names_every_status_and_path() -> None:
    described = openapi.openapi()
    for path in described["paths"]:
        assert f"`{path}`" in README or f"{path}`" in README, path
    for code, told in catalogue().items():
        if told["status"] not in {200, 404, 405} and code != "identity_unavailable":
            assert f"{told['status']} `{code}`" in README, code


def joined(path: Path) -> str:
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    return re.sub(r"\\\n\s*", "", "\n".join(lines))


def test_the_unit_starts_commands_that_there_are() -> None:
    lines = re.findall(r"^Exec(?:Start|Reload)=(/opt/.*)$", joined(UNIT), re.MULTILINE)
    commands = []
    for line in lines:
        program, *words = shlex.split(line)
        assert Path(program).name == "ankong-verify"
        options = _parser().parse_args(words)
        commands.append(options.command)
        assert str(options.config) == "/etc/ankong-verify.toml"
    assert commands == ["serve", "check"]


def local_unit(folder: Path) -> Path:
    unit = folder / "ankong-verify.service"
    text = UNIT.read_text("utf-8")
    unit.write_text(text.replace("/opt/ankong-verify/bin/ankong-verify", "/bin/true"), "utf-8")
    return unit


systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is missing")


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60
    )


@systemd
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", local_unit(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


@systemd
def test_systemd_finds_the_unit_little_exposed(tmp_path: Path) -> None:
    done = analyze("security", "--offline=true", "--threshold=15", local_unit(tmp_path))
    assert done.returncode == 0, done.stdout


def test_the_container_copies_what_is_there_and_starts_the_command() -> None:
    lines = joined(VALIDATOR / "Containerfile").splitlines()
    found = [(name, rest) for name, _, rest in (line.partition(" ") for line in lines if line)]
    for name, rest in found:
        if name == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                # another part of the house builds the wheel
                assert (ROOT / source).exists() or source == "installer/kits", source
    images = [rest for name, rest in found if name == "FROM"]
    assert len(images) == 2
    assert images[0] == f"{images[1]} AS build"
    last = dict(found)
    assert last["USER"] == "10001"
    assert json.loads(last["ENTRYPOINT"]) == ["ankong-verify"]
    assert _parser().parse_args(json.loads(last["CMD"])).command == "serve"
    checked = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
    assert checked[0] == "ankong-verify"
    options = _parser().parse_args(checked[1:])
    assert (options.command, options.only_config) == ("check", False)
    assert last["EXPOSE"] == "28460"


def test_the_command_says_its_version() -> None:
    words = [sys.executable, "-m", "agent.validator", "--version"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert re.fullmatch(r"ankong-verify \d+\.\d+\.\d+.*\n", done.stdout)
    assert FOUND["origin"] == "https://portal.example"

"""The systemd unit and the Containerfile start the command as it is."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.portal.operations.command import _parser

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "agent" / "portal" / "operations"
UNIT = FOLDER / "ankong-portal@.service"
CONTAINERFILE = FOLDER / "Containerfile"
INSTRUCTIONS = {
    *("FROM", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"),
    *("ENTRYPOINT", "CMD"),
}


def joined(path: Path) -> str:
    """Return a file without comments, and with what a backslash divides put together."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    return re.sub(r"\\\n\s*", "", "\n".join(lines))


def instructions() -> list[tuple[str, str]]:
    found = [line.partition(" ") for line in joined(CONTAINERFILE).splitlines() if line.strip()]
    return [(name, rest) for name, _, rest in found]


def test_the_unit_starts_the_command_with_flags_that_it_has() -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", joined(UNIT), re.MULTILINE)
    program, *words = shlex.split(line.replace("%i", "8081"))
    assert Path(program).name == "ankong-portal"
    options = _parser().parse_args(words)
    assert (options.command, options.port, options.metrics_port) == ("serve", 8081, 18081)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is missing")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "ankong-portal@8081.service"
    text = UNIT.read_text("utf-8")
    unit.write_text(text.replace("/opt/ankong/bin/ankong-portal", "/bin/true"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_has_known_instructions_and_copies_what_is_there() -> None:
    found = instructions()
    assert {name for name, _ in found} == INSTRUCTIONS
    for name, rest in found:
        if name == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
    (copied,) = [rest for name, rest in found if name == "COPY" and "--from=build" in rest]
    assert copied.split()[1:] == ["/wheels", "/wheels"]
    images = [rest for name, rest in found if name == "FROM"]
    assert images[0].endswith(" AS build")
    assert images[0].split()[0] == images[1]


def test_the_container_starts_the_command_and_asks_its_health() -> None:
    found = dict(instructions())
    assert json.loads(found["ENTRYPOINT"]) == ["ankong-portal"]
    options = _parser().parse_args(json.loads(found["CMD"]))
    assert options.command == "serve"
    assert found["EXPOSE"] == str(options.port)
    assert f"127.0.0.1:{options.metrics_port}/healthz" in found["HEALTHCHECK"]
    asked = json.loads(found["HEALTHCHECK"].partition("CMD ")[2])
    compile(asked[2], "healthcheck", "exec")
    assert found["USER"] != "root"

"""The package for servers: whole, with nothing called agent, and judging as the checkout does."""

import ast
import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from agent.kits.vectors.__main__ import FOLDER, MANIFEST

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "agent" / "relying"
HOOK = ROOT / "installer" / "kits" / "hatch_build.py"
CASES: dict[str, dict[str, Any]] = json.loads((FOLDER / MANIFEST).read_text("ascii"))["cases"]
# What a package is called where it is installed from.
DISTRIBUTIONS = {"pyhanko_certvalidator": "pyhanko-certvalidator"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target]
    subprocess.run(command, cwd=KIT, check=True, capture_output=True, timeout=60)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_everything_in_it_is_ours_to_name(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir() if path.suffix != ".dist-info"} == {
        "ankong_verify"
    }
    assert (unpacked / "ankong_verify" / "errors.json").read_bytes() == (
        KIT / "errors.json"
    ).read_bytes()
    for word in ("cards", "signing", "web", "host", "transport", "portal", "tray"):
        assert not (unpacked / "ankong_verify" / "_agent" / word).exists()


def test_what_a_site_copies_comes_along(unpacked: Path) -> None:
    package = unpacked / "ankong_verify"
    for room, place in (("relying", ""), ("validator", "validator/")):
        for path in (ROOT / "agent" / room / "examples").iterdir():
            assert path.is_dir() or (package / f"{place}examples/{path.name}").is_file()
    assert (package / "validator" / "validator.service").is_file()


def test_the_package_runs_as_its_command(unpacked: Path) -> None:
    code = (
        "import runpy, sys; sys.path.insert(0, sys.argv.pop()); runpy.run_module('ankong_verify')"
    )
    command = [
        sys.executable,
        "-I",
        "-c",
        code.replace("')", "', run_name='__main__')"),
        "--version",
    ]
    done = subprocess.run(
        [*command, unpacked], cwd=unpacked, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.startswith("ankong-verify "), done.stderr


def test_the_installed_package_judges_every_vector(unpacked: Path) -> None:
    code = "import runpy, sys; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[2])"
    program = Path(__file__).with_name("wheel_vectors.py")
    command = [sys.executable, "-I", "-c", code, unpacked, program]
    done = subprocess.run(
        command, cwd=unpacked, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["agent"] == []  # the checkout is on the path, and nothing asked for it
    for name, verdict in answer["found"].items():
        expected = CASES[name]["expect"]
        assert verdict in ([expected] if isinstance(expected, str) else expected), name
    assert len(answer["found"]) >= 26


def test_what_it_imports_is_what_it_asks_to_be_installed(unpacked: Path) -> None:
    project = tomllib.loads((KIT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    wanted = [*project["dependencies"], *(each for names in extras.values() for each in names)]
    named = {text.partition(";")[0].split("[")[0].split("=")[0].split(">")[0] for text in wanted}
    found = set()
    for path in unpacked.rglob("*.py"):
        if path.parent.name == "examples":  # each names the framework that it is for
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Import(names):
                    found |= {each.name.partition(".")[0] for each in names}
                case ast.ImportFrom(module=str(name), level=0):
                    found.add(name.partition(".")[0])
                case _:
                    pass
    others = found - set(sys.stdlib_module_names) - {"ankong_verify"}
    assert {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in others} == {
        name.strip() for name in named
    }


@pytest.mark.parametrize(
    "source",
    [
        "from agent import errors\n",
        "import agent\n",
        "import agent.errors\n",
        "from . import errors\n",
        "print(agent)\n",
    ],
)
def test_a_name_that_cannot_be_rewritten_stops_the_build(source: str) -> None:
    hook = pytest.importorskip("hatchling.builders.hooks.plugin.interface") and _hook()
    with pytest.raises(hook["RenameError"]):
        hook["renamed"](source, "agent.relying.login")


def test_names_are_rewritten_where_they_stand() -> None:
    pytest.importorskip("hatchling")
    renamed = _hook()["renamed"]
    source = (
        '"""See ``agent.pki``, and agent/pki on disk."""\n'
        "from agent.relying.login import Login\n"
        "from agent.cms import der\n"
        "import agent.pki.crl as lists\n"
        'load("agent.pki.judge")\n'
    )
    assert renamed(source, "agent.relying.login") == (
        '"""See ``ankong_verify._agent.pki``, and agent/pki on disk."""\n'
        "from ankong_verify.login import Login\n"
        "from ankong_verify._agent.cms import der\n"
        "import ankong_verify._agent.pki.crl as lists\n"
        'load("ankong_verify._agent.pki.judge")\n'
    )


def _hook() -> dict[str, Any]:
    import runpy

    return runpy.run_path(str(HOOK))

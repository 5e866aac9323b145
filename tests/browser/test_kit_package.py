"""The npm package as it is published: what is in it, how large it is, what typed callers get."""

import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import pytest

from agent import cli
from agent.web.native.routes import DOCUMENTS
from tests.browser.kit_site import policy
from tests.browser.npm_packages import SDK, npm_file

ROOT: Final = Path(__file__).parents[2]
HERE: Final = Path(__file__).parent
KIB: Final = 1024
BUDGETS: Final = {
    # Of each module by itself, minified and compressed, in bytes. The first was to have 6 KiB
    # before it knew files and pinned installations; in modules of their own these would save 300
    # bytes, and cost every page that signs one request more.
    "ankong.js": 13 * KIB // 2,
    "element.js": 4 * KIB,
    "explain.js": 23 * KIB // 2,  # all words in four languages
    "fake.js": 16 * KIB,
}
MAX_TARBALL: Final = 100_000  # bytes; a third of it prose in two languages, which no page loads
BESIDE: Final = ("ankong.js", "digest.js", "explain.js", "pdf.js")
"""Modules that a page loads by themselves, so that they count for themselves."""


def run(*command: str | Path, folder: Path) -> str:
    """Run a program without a network; return what it printed.

    npm talks to no registry with ``--offline``.
    """
    environment = {
        **os.environ,
        "npm_config_offline": "true",
        "npm_config_update_notifier": "false",
    }
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def npm() -> str:
    found = shutil.which("npm")
    if found is None or shutil.which("node") is None:
        pytest.skip("node and npm are needed")
    npm_file(".bin/esbuild")
    return found


@pytest.fixture(scope="module")
def tarball(npm: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(npm, tmp_path_factory.mktemp("packed"))


def packed(npm: str, folder: Path) -> Path:
    """Pack the kit from a copy, so that its types are made anew."""
    copy = folder / "sdk"
    shutil.copytree(SDK, copy, ignore=shutil.ignore_patterns("node_modules", "types"))
    (copy / "node_modules").symlink_to(SDK / "node_modules")
    # The folder's own settings forbid scripts, which is meant for other people's.
    run(npm, "pack", "--ignore-scripts=false", "--pack-destination", folder, folder=copy)
    (tarball,) = folder.glob("*.tgz")
    return tarball


def test_the_package_has_what_it_names_and_no_more(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = {each.removeprefix("package/") for each in archive.getnames()}
    told = json.loads((SDK / "package.json").read_text("utf-8"))
    modules = {name for name in told["files"] if name.endswith(".js")}
    typed = modules - {"playwright.js", "testing.js"}  # for tests, which Playwright types itself
    types = {f"types/{name.removesuffix('.js')}.d.ts" for name in typed}
    documents = {name for name in told["files"] if name.endswith((".md", ".json"))}
    examples = {f"examples/{each.name}" for each in (SDK / "examples").glob("*.*")}
    others = {"package.json", "README.md", "LICENSE", *documents, *examples}
    assert names == modules | types | others
    for entry in told["exports"].values():
        parts = [entry] if isinstance(entry, str) else list(entry.values())
        assert {part.removeprefix("./") for part in parts} <= names
        assert isinstance(entry, str) or next(iter(entry)) == "types"
    assert (SDK / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    # The types that are committed, so that no machine needs a compiler to have them.
    with tarfile.open(tarball) as archive:
        for name in types:
            declared = archive.extractfile(f"package/{name}")
            assert declared is not None
            assert declared.read() == (SDK / name).read_bytes(), f"make docs: {name}"
    assert {f"types/{each.name}" for each in (SDK / "types").iterdir()} == types
    assert told["sideEffects"] == ["./element.js"]
    assert "dependencies" not in told
    assert tarball.stat().st_size <= MAX_TARBALL


@pytest.mark.parametrize("name", BUDGETS)
def test_the_module_is_not_larger_than_promised(npm: str, name: str) -> None:
    del npm
    outside = [f"--external:./{each}" for each in BESIDE if each != name]
    small = run(npm_file(".bin/esbuild"), name, *_MINIFY, *outside, folder=SDK)
    assert len(gzip.compress(small.encode(), mtime=0)) <= BUDGETS[name]


_MINIFY: Final = ("--bundle", "--minify", "--format=esm", "--charset=utf8")


def test_words_that_are_not_used_are_left_out(npm: str, tmp_path: Path) -> None:
    del npm
    source = f'import {{ Ankong }} from "{SDK.as_posix()}/index.js"; new Ankong().check();'
    page = tmp_path / "page.js"
    page.write_text(source, "utf-8")
    bundle = run(npm_file(".bin/esbuild"), page, *_MINIFY, folder=tmp_path)
    assert "new Ankong" not in bundle
    assert "worker_blocked:" not in bundle
    assert len(bundle) < 45_000


def compiled(
    program: str, folder: Path, compiler: str, module: str = "es2022", resolution: str = "bundler"
) -> None:
    """Check the types of a strict program, for one kind of modules."""
    words = ["--strict", "--noEmit", "--skipDefaultLibCheck", "--target", "es2023"]
    words += ["--lib", "es2023,dom", "--module", module, "--moduleResolution", resolution, program]
    node = shutil.which("node") or "node"
    run(node, npm_file(f"{compiler}/bin/tsc"), *words, folder=folder)


@pytest.mark.parametrize("compiler", ["typescript", "typescript-5"])
def test_a_strict_program_compiles_against_the_installed_package(
    npm: str, tarball: Path, tmp_path: Path, compiler: str
) -> None:
    project = {"name": "consumer", "private": True, "type": "module"}
    (tmp_path / "package.json").write_text(json.dumps(project), "utf-8")
    run(npm, "install", "--offline", "--no-audit", "--no-fund", tarball, folder=tmp_path)
    shutil.copy(HERE / "consumer.ts", tmp_path)
    for module, resolution in (("es2022", "bundler"), ("node16", "node16")):
        compiled("consumer.ts", tmp_path, compiler, module, resolution)
    told = run(
        shutil.which("node") or "node",
        "--input-type=module",
        "-e",
        'import { explain } from "ankong"; import "ankong/element"; import "ankong/fake";'
        'console.log(explain("no_card", "en").text)',
        folder=tmp_path,
    )
    assert told.startswith("Put the card in")


def test_the_readme_shows_files_that_are_run(npm: str) -> None:
    del npm
    text = (SDK / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 150
    wanted = ["What you get", "Five minutes", "The whole program", "What can go wrong"]
    assert re.findall(r"(?m)^## (.*)$", text) == [*wanted, "Going live", "Limits"]
    blocks = re.findall(r"<!-- from: (\S+) -->\n```\w*\n(.*?)```\n", text, re.DOTALL)
    assert len(blocks) == text.count("```") // 2
    for name, block in blocks:
        assert (SDK / name).read_text("utf-8") == block, name
    assert (SDK / "examples" / "headers.txt").read_text("utf-8").strip() == policy()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (SDK / link).exists(), link
    node = shutil.which("node") or "node"
    run(node, "--test", *sorted((SDK / "examples").glob("*.test.mjs")), folder=SDK)


def test_the_agent_writes_the_package_for_npm(
    npm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "ankong-sdk"
    assert cli.run(["sdk", str(folder)]) == 0
    assert str(folder) in capsys.readouterr().out
    told = json.loads((folder / "package.json").read_text("utf-8"))
    assert not {"scripts", "devDependencies"} & set(told)
    site = tmp_path / "site"
    site.mkdir()
    (site / "package.json").write_text('{"name": "site", "type": "module"}', "utf-8")
    run(npm, "install", "--offline", "--no-audit", "--no-fund", folder, folder=site)
    script = 'import { explain } from "ankong"; import { FakeAnkong } from "ankong/fake";'
    script += "console.log(explain('no_card', 'en').text, new FakeAnkong().snapshot.state)"
    node = shutil.which("node") or "node"
    said = run(node, "--input-type=module", "-e", script, folder=site)
    assert said == "Put the card in, chip first, all the way. running\n"
    shutil.copy(HERE / "consumer.ts", site)
    compiled("consumer.ts", site, "typescript", "node16", "node16")
    assert cli.run(["sdk", str(folder)]) == 1
    assert "ankong-sdk" in capsys.readouterr().err


def test_what_the_agent_serves_is_typed_where_it_lies_together(npm: str, tmp_path: Path) -> None:
    """A site may copy the modules and their types out of a running agent, into one folder."""
    del npm
    for path, name, _ in DOCUMENTS:
        if path.endswith(".d.ts"):
            shutil.copy(SDK.parent / name, tmp_path / path.removeprefix("/sdk/"))
    served = {path.removeprefix("/sdk/") for path, _, _ in DOCUMENTS if path.startswith("/sdk/")}
    assert {name.removesuffix(".d.ts") for name in served if name.endswith(".d.ts")} == {
        name.removesuffix(".js") for name in served if name.endswith(".js")
    }
    program = (
        'import { Ankong, type Snapshot } from "./ankong.js";\n'
        'import { AnkongButton } from "./element.js";\n'
        'import { FakeAnkong } from "./fake.js";\n'
        "export const { reason }: Snapshot = Ankong.shared().snapshot;\n"
        "new AnkongButton().agent = new FakeAnkong({ latency: 5 });\n"
        "// @ts-expect-error a challenge is needed\n"
        "void Ankong.shared().authenticate({});\n"
    )
    (tmp_path / "page.ts").write_text(program, "utf-8")
    compiled("page.ts", tmp_path, "typescript")

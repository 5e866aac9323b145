"""What the READMEs of the languages show runs, and all of them warn of the same traps."""

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from agent.kits.vectors.__main__ import FOLDER
from tests.browser.npm_packages import npm_file
from tests.kits.kit_support import KITS, LANGUAGES, build

FIRST = {"node": "first", "php": "first", "java": "First", "go": "first"}
LAID = ("LICENSE", "README.md", "README.zh-TW.md")
CONSUMER = """
import { accountKey, loadAuthority, loadList, verifyLogin, VerificationError } from "ankong-verify";
import type { Code, Login } from "ankong-verify";

export function login(token: Uint8Array, ca: Uint8Array, list: Uint8Array): Login | Code {
  const root = loadAuthority(ca);
  const settings = { roots: [root], cas: [], lists: [loadList(list, root)] };
  try {
    const options = { ...settings, origins: ["https://a.example"], challenge: "" };
    const found = verifyLogin(token, options);
    const key: Uint8Array = accountKey(found.holder, new Uint8Array(32));
    return key.length === 32 ? found : "malformed";
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
}

// @ts-expect-error a token is octets
verifyLogin("token", { roots: [], cas: [], lists: [], origins: [], challenge: "" });
"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_program_prints_whose_login_it_is(language: str, tmp_path: Path) -> None:
    command = build(language, f"examples/{FIRST[language]}", tmp_path)
    done = subprocess.run(
        [*command, str(FOLDER)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "9999000000000001" in done.stdout


def test_all_of_them_warn_of_the_same_traps() -> None:
    found = set()
    for language in FIRST:
        readme = (KITS / language / "README.md").read_text("utf-8")
        assert readme.count("\n") <= 150
        found.add(readme[readme.index("## What can go wrong") : readme.index("## Limits")])
    assert len(found) == 1


def test_the_npm_package_brings_types(tmp_path: Path) -> None:
    tools = npm_file("typescript/bin/tsc").parents[2] / ".bin"
    env = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    kit = tmp_path / "kit"
    kit.mkdir()
    for path in (KITS / "node").iterdir():
        if path.is_file():
            (kit / path.name).write_bytes(path.read_bytes())  # another way: what is packed is read
    packing = ["npm", "pack", "--offline"]  # which checks the types, too
    done = subprocess.run(
        packing, cwd=kit, env=env, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    project = tmp_path / "project"
    installed = project / "node_modules" / "ankong-verify"
    with tarfile.open(next(kit.glob("*.tgz"))) as packed:
        assert sorted(packed.getnames()) == sorted(
            f"package/{name}" for name in (*LAID, "package.json", "verify.d.ts", "verify.js")
        )
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4
        packed.extractall(installed.parent)  # noqa: S202  # our own package
    (installed.parent / "package").rename(installed)
    (project / "package.json").write_text('{"type": "module"}', "ascii")
    (project / "consumer.ts").write_text(CONSUMER, "ascii")
    (project / "node.d.ts").write_bytes((KITS / "node" / "node.d.ts").read_bytes())
    for module, resolution in (("es2022", "bundler"), ("node16", "node16")):
        words = ["tsc", "--noEmit", "--strict", "--target", "es2022", "--module", module]
        words += ["--moduleResolution", resolution, "--types", "", "consumer.ts", "node.d.ts"]
        done = subprocess.run(
            words, cwd=project, env=env, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout
    script = 'import("ankong-verify").then((kit) => console.log(JSON.stringify(Object.keys(kit))))'
    done = subprocess.run(
        ["node", "-e", script], cwd=project, capture_output=True, text=True, check=True, timeout=30
    )
    assert {"verifyLogin", "loadList", "VerificationError"} <= set(json.loads(done.stdout))


@pytest.mark.parametrize("wrong", ["null", "undefined", "''", "'AAAA'", "5", "{}", "[]"])
def test_what_is_no_token_is_refused(wrong: str) -> None:
    verifier = (KITS / "node" / "verify.js").as_uri()
    script = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ loadAuthority, loadList, verifyLogin }} from "{verifier}";
        const file = (name) => readFileSync({json.dumps(str(FOLDER))} + "/" + name);
        const root = loadAuthority(file("root.cer"));
        const trust = {{ roots: [root], cas: [], lists: [loadList(file("root.crl"), root)] }};
        const rest = {{ origins: ["https://portal.example"], challenge: "A".repeat(43) }};
        for (const options of [{{ ...trust, ...rest }}, {{ ...rest, ...trust, roots: {wrong} }},
                               {{ ...trust, ...rest, lists: [{wrong}] }},
                               {{ ...trust, ...rest, now: new Date("x") }}]) {{
          try {{ verifyLogin({wrong}, options); console.log("ok"); }}
          catch (error) {{ console.log(error.code ?? error.name); }}
        }}
    """
    words = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    first, *others = done.stdout.split()
    assert first == "signature_invalid", done.stderr
    assert len(others) == 3
    assert set(others) <= {"TypeError", "RangeError"}

"""Run the verifiers in other languages."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

KITS: Final = Path(__file__).parents[2] / "agent" / "kits"
JARS: Final = "/usr/share/java/bcprov.jar"
LANGUAGES: Final = (
    "node",
    pytest.param("php", marks=pytest.mark.kit),
    pytest.param("java", marks=pytest.mark.kit),
    pytest.param("go", marks=pytest.mark.kit),
)

RUNNERS: Final = {"node": "vectors", "php": "vectors", "java": "Vectors", "go": "cmd/vectors"}


def build(language: str, program: str, folder: Path) -> list[str]:
    """Return the command of one of a kit's programs; compiled into ``folder`` where need be."""
    kit = KITS / language
    if language == "node":
        return [shutil.which("node") or "node", str(kit / f"{program}.mjs")]
    if language == "php":
        return ["php", str(kit / f"{program}.php")]
    if language == "go":
        target = folder / Path(program).name
        env = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
        words = ["go", "build", "-o", str(target), f"./{program}"]
        subprocess.run(words, cwd=kit, env=env, check=True, timeout=100)
        return [str(target)]
    sources = [str(kit / "ankong" / "LoginVerifier.java"), str(kit / f"{program}.java")]
    words = ["javac", "-cp", JARS, "-d", str(folder), *sources]
    subprocess.run(words, check=True, capture_output=True, timeout=100)
    return ["java", "-cp", f"{folder}:{JARS}", Path(program).name]


def run_vectors(command: list[str], manifest: Path) -> list[dict[str, Any]]:
    """Return what a runner prints: a line for each case, and one of its speed."""
    done = subprocess.run(
        [*command, str(manifest)], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]

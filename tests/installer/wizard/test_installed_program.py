"""The wizard understands what ``ankong setup --json`` prints, and survives what it should not."""

import json
import shlex
from pathlib import Path

import pytest
from wizard import installed_program

from agent.words.language import Language

MESSAGE = {str(Language.ENGLISH): "ready", str(Language.CHINESE): "好了"}


def program_that_prints(folder: Path, output: str) -> Path:
    script = folder / "ankong"
    script.write_text(f"#!/bin/sh\nprintf %s {shlex.quote(output)}\n", "utf-8")
    script.chmod(0o755)
    return script


def test_steps_are_read_and_spoken_in_a_language_they_have(tmp_path: Path) -> None:
    step = {"step": "tls", "ok": True, "code": "tls_ready", "message": MESSAGE, "facts": {}}
    program = program_that_prints(tmp_path, json.dumps({"ok": True, "steps": [step]}))
    [result] = installed_program.complete(program)
    assert (result.ok, result.code) == (True, "tls_ready")
    assert result.said(Language.CHINESE) == "好了"
    assert result.said(Language.VIETNAMESE) == "ready"


@pytest.mark.parametrize(
    "output",
    [
        "",
        "null",
        "{}",
        "[" * 99_999,
        '{"steps": null}',
        '{"steps": [{"ok": true, "code": "a"}]}',
        '{"steps": [{"ok": 1, "code": "a", "message": {"en": "b"}}]}',
        '{"steps": [{"ok": true, "code": "a", "message": {"vi": "b"}}]}',
        '{"steps": [{"ok": true, "code": "a", "message": {"en": 1}}]}',
    ],
)
def test_an_answer_that_makes_no_sense_is_a_failed_step(tmp_path: Path, output: str) -> None:
    [result] = installed_program.undo(program_that_prints(tmp_path, output), forget=False)
    assert (result.ok, result.code) == (False, "program_failed")
    assert "setup undo --json" in result.said(Language.ENGLISH)


def test_a_program_that_is_not_there_is_a_failed_step(tmp_path: Path) -> None:
    [result] = installed_program.complete(tmp_path / "ankong")
    assert (result.ok, result.code) == (False, "program_failed")

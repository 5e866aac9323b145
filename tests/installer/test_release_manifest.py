"""The tool that makes keys and signs manifests: what it writes, agents understand."""

import os
import runpy
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.host.update.manifest import accept

TOOL = Path(__file__).resolve().parents[2] / "installer" / "release" / "manifest.py"
Main = Callable[[Sequence[str]], int]


@pytest.fixture
def main() -> Main:
    found: Main = runpy.run_path(str(TOOL))["main"]
    return found


def new_key(main: Main, path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["keys", "--out", str(path)]) == 0
    return capsys.readouterr().out.strip()


def test_a_key_a_manifest_and_its_judge(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, out = tmp_path / "release.key", tmp_path / "ankong.manifest"
    public = new_key(main, key, capsys)
    words = ["sign", "--key", str(key), "--newest", "1.2.0", "--floor", "1.0.0"]
    words += [
        "--page",
        "https://ankong.example/",
        "--reason",
        "zh-Hant=有漏洞。",
        "--out",
        str(out),
    ]
    assert main(words) == 0
    found = accept(out.read_bytes(), (public,), datetime.now(UTC))
    assert (found.newest, found.floor, found.page) == ("1.2.0", "1.0.0", "https://ankong.example/")
    assert found.reason == {"zh-Hant": "有漏洞。"}
    assert main(["verify", str(out), "--public", public]) == 0
    assert "newest 1.2.0, floor 1.0.0" in capsys.readouterr().out
    assert main(["verify", str(out)]) == 1
    assert main(["verify", str(out), "--public", "0" * 64]) == 1


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_private_key_is_for_its_owner_and_is_never_written_over(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "release.key"
    new_key(main, key, capsys)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    assert main(["keys", "--out", str(key)]) == 1
    assert key.read_bytes() == before


def test_a_passphrase_is_asked_of_the_environment(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "release.key"
    monkeypatch.setenv("ANKONG_RELEASE_PASSPHRASE", "open sesame")
    new_key(main, key, capsys)
    assert b"ENCRYPTED" in key.read_bytes()
    words = ["sign", "--key", str(key), "--floor", "0.1.0", "--out", str(tmp_path / "m")]
    assert main(words) == 0
    monkeypatch.delenv("ANKONG_RELEASE_PASSPHRASE")
    assert main(words) == 1


def test_the_floor_is_that_of_what_is_supported(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, out = tmp_path / "release.key", tmp_path / "m"
    public = new_key(main, key, capsys)
    assert main(["sign", "--key", str(key), "--out", str(out)]) == 0
    assert main(["verify", str(out), "--public", public]) == 0
    table = tomllib.loads(TOOL.with_name("support.toml").read_text("utf-8"))
    assert f", floor {table['floor']}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more", [["--floor", "9.0"], ["--floor", "x"], ["--page", "http://x/"], ["--days", "0"]]
)
def test_nothing_is_signed_that_agents_would_refuse(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    key, out = tmp_path / "release.key", tmp_path / "m"
    new_key(main, key, capsys)
    words = ["sign", "--key", str(key), "--floor", "0.1.0", "--newest", "0.2.0", "--out", str(out)]
    assert main([*words, *more]) == 1
    assert not out.exists()


# The sums of a release.


def test_openssl_alone_verifies_the_signature_over_the_sums(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, sums = tmp_path / "release.key", tmp_path / "SHA256SUMS"
    public = new_key(main, key, capsys)
    sums.write_text(f"{'0' * 64}  a.deb\n{'1' * 64}  b.exe\n")
    monkeypatch.setenv("ANKONG_RELEASE_KEY", key.read_text())
    assert main(["sums", str(sums)]) == 0
    assert capsys.readouterr().out == f"SHA256SUMS: signed by {public}\n"
    by_variable = (tmp_path / "SHA256SUMS.sig").read_bytes()
    monkeypatch.delenv("ANKONG_RELEASE_KEY")
    assert main(["sums", str(sums), "--key", str(key)]) == 0
    assert (tmp_path / "SHA256SUMS.sig").read_bytes() == by_variable
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")
    words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "SHA256SUMS.pem", "-rawin"]
    words += ["-sigfile", "SHA256SUMS.sig", "-in", "SHA256SUMS"]
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    sums.write_text(f"{'0' * 64}  a.deb\n{'2' * 64}  b.exe\n")
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("content", ["", "hello\n", f"{'0' * 64}  a\nmore\n", f"{'0' * 64}  a/b\n"])
def test_only_sums_are_signed_as_sums(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    key, sums = tmp_path / "release.key", tmp_path / "SHA256SUMS"
    new_key(main, key, capsys)
    sums.write_text(content)
    assert main(["sums", str(sums), "--key", str(key)]) == 1
    assert "not a list as sha256sum prints it" in capsys.readouterr().err
    assert not (tmp_path / "SHA256SUMS.sig").exists()


def test_without_a_key_nothing_is_signed(
    main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANKONG_RELEASE_KEY", raising=False)
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{'0' * 64}  a\n")
    assert main(["sums", str(sums)]) == 1
    assert not (tmp_path / "SHA256SUMS.sig").exists()

"""Which files are loaded as modules, and what the doctor and ``ankong modules`` say of them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import cli
from agent.commands.open_tokens import open_tokens
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.token_modules import check_token_modules
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.config import ConfigError, Pkcs11Module, Settings
from agent.host.settings.module_files import ModuleFault, found_modules, module_fault
from agent.host.settings.policy import Policy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
ELF = b"\x7fELF" + bytes((1, 1, 1)) + bytes(9) + b"\x03\x00" + b"\x03\x00"  # of 32 bits, Intel


@pytest.fixture
def library(tmp_path: Path) -> Path:
    file = tmp_path / "vendor.so"
    file.write_bytes(b"text")
    file.chmod(0o644)
    return file


def settings_for(*paths: Path) -> Settings:
    return Settings(pkcs11_modules=tuple(Pkcs11Module("Test", str(path)) for path in paths))


def codes(tmp_path: Path, *paths: object, seconds: float = 5) -> list[str]:
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    tables = ", ".join(f"{{ name = 'Test', path = '{path}' }}" for path in paths)
    (state / "config.toml").write_text(f"pkcs11_modules = [{tables}]\n")
    installation = InstalledAgent(paths=Paths.choose(state), policy=Policy())
    return [each.code for each in check_token_modules(installation, seconds)]


def test_a_file_that_others_can_change_is_not_loaded(library: Path) -> None:
    assert module_fault(str(library)) is None
    for mode in (0o666, 0o646):
        library.chmod(mode)
        assert module_fault(str(library)) is ModuleFault.WRITABLE
    library.chmod(0o644)
    library.parent.chmod(0o777)
    assert module_fault(str(library)) is ModuleFault.WRITABLE
    assert open_tokens(settings_for(library)).modules == ()
    library.parent.chmod(0o700)
    assert [each.path for each in open_tokens(settings_for(library)).modules] == [str(library)]


def test_a_link_is_judged_by_where_it_leads(library: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.so"
    link.symlink_to(library)
    assert module_fault(str(link)) is None
    library.chmod(0o666)
    assert module_fault(str(link)) is ModuleFault.WRITABLE


def test_a_link_that_others_can_change_is_not_followed(library: Path, tmp_path: Path) -> None:
    folder, way = tmp_path / "shared", tmp_path / "way"
    folder.mkdir()
    (folder / "link.so").symlink_to(Path("..") / library.name)
    way.symlink_to(folder)
    ways = (folder / "link.so", way / "link.so")
    assert [module_fault(str(each)) for each in ways] == [None, None]
    folder.chmod(0o777)
    assert [module_fault(str(each)) for each in ways] == [ModuleFault.WRITABLE] * 2
    (tmp_path / "link.so").symlink_to(ways[1])
    assert module_fault(str(tmp_path / "link.so")) is ModuleFault.WRITABLE


def test_what_cannot_be_loaded_is_named(library: Path, tmp_path: Path) -> None:
    assert module_fault("vendor.so") is ModuleFault.RELATIVE
    assert module_fault(str(tmp_path / "none.so")) is ModuleFault.MISSING
    assert module_fault(str(tmp_path)) is ModuleFault.MISSING
    assert module_fault(f"{library}\0") is ModuleFault.MISSING


@pytest.mark.skipif(sys.platform != "linux", reason="ELF is Linux'")
def test_a_module_for_another_processor_is_named(library: Path) -> None:
    library.write_bytes(ELF)
    assert module_fault(str(library)) is ModuleFault.OTHER_PROCESSOR


def test_only_known_places_are_looked_at_and_nothing_that_writes_pins_down(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/x86_64-linux-gnu"
    (folder / "pkcs11").mkdir(parents=True)
    (folder / "opensc-pkcs11.so").touch()
    (folder / "pkcs11/opensc-pkcs11.so").symlink_to(folder / "opensc-pkcs11.so")
    for name in ("pkcs11-spy.so", "p11-kit-trust.so", "onepin-opensc-pkcs11.so", "libacme.so"):
        (folder / "pkcs11" / name).touch()
    (tmp_path / "opensc-pkcs11.so").touch()
    assert [name for name, _ in found_modules(tmp_path, "linux")] == ["OpenSC", "libacme"]


@pytest.mark.parametrize(
    "text",
    [
        "pkcs11_modules = ['/usr/lib/a.so']",
        "pkcs11_modules = [{ name = 'A' }]",
        "pkcs11_modules = [{ name = '', path = '/a' }]",
        "pkcs11_modules = [{ name = 'A', path = '/a', pin = '1' }]",
        "pkcs11_modules = [" + "{ name = 'A', path = '/a' }, " * 9 + "]",
    ],
)
def test_a_mistake_in_the_settings_is_explained(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="a table with name, path"):
        config.load(file)


def test_an_unusable_policy_allows_no_module(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("nonsense = 1\n")
    policy = Policy.load(file, administrators_only=False)
    assert policy.over(settings_for(tmp_path)).pkcs11_modules == ()


def test_the_doctor_names_what_is_wrong(
    stub: Callable[[str], Path], library: Path, tmp_path: Path
) -> None:
    assert codes(tmp_path) == []
    assert codes(tmp_path, stub(""), library, "vendor.so", tmp_path / "none") == [
        *("module_ok", "module_none", "module_relative", "module_missing"),
    ]
    assert codes(tmp_path, stub("crash-slots")) == ["module_crashed"]
    assert codes(tmp_path, stub("hang-initialize"), seconds=1) == ["module_hung"]
    assert codes(tmp_path, stub("lie-slots")) == ["module_refused"]


def test_the_command_lists_what_is_used_and_whether_it_works(
    stub: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    assert codes(tmp_path, stub("")) == ["module_ok"]
    capsys.readouterr()
    assert cli.run(["modules", "--json", *state]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [each["code"] for each in answer["used"]] == ["module_ok"]
    stub("crash-initialize")
    assert cli.run(["modules", *state]) == 1
    assert "Test" in capsys.readouterr().out

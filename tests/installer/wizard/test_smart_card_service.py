"""What is missing on this computer, and the command that installs it here."""

from pathlib import Path

import pytest
from wizard.smart_card_service import family_of, find_missing

RELEASES = {
    'ID=debian\nVERSION_ID="12"\n': "sudo apt install pcscd libccid libnss3-tools",
    'NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n': (
        "sudo apt install pcscd libccid libnss3-tools"
    ),
    "ID=fedora\n": (
        "sudo dnf install pcsc-lite pcsc-lite-ccid nss-tools"
        " && sudo systemctl enable --now pcscd.socket"
    ),
    'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n': (
        "sudo zypper install pcsc-lite pcsc-ccid mozilla-nss-tools"
        " && sudo systemctl enable --now pcscd.socket"
    ),
    "ID=arch\n": ("sudo pacman -S pcsclite ccid nss && sudo systemctl enable --now pcscd.socket"),
}


@pytest.mark.parametrize("release", RELEASES)
def test_the_command_is_the_distributions_own(tmp_path: Path, release: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text(release)
    missing = find_missing(tmp_path, lambda _: False)
    assert missing.command == RELEASES[release]
    assert (missing.service, missing.tool) == (True, True)


@pytest.mark.parametrize("release", ["ID=plan9\n", 'ID="\n', "", "nonsense"])
def test_where_the_distribution_is_not_known_there_is_no_command(
    tmp_path: Path, release: str
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text(release)
    missing = find_missing(tmp_path, lambda _: False)
    assert missing
    assert missing.command is None


def test_nothing_is_missing_where_all_is_there(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/pcsc/drivers/ifd-ccid.bundle").mkdir(parents=True)
    assert not find_missing(tmp_path, lambda _: True)


def test_a_service_that_listens_is_there_whatever_its_program_is_called(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/x86_64-linux-gnu/pcsc/drivers/ifd-ccid.bundle").mkdir(parents=True)
    (tmp_path / "run/pcscd").mkdir(parents=True)
    (tmp_path / "run/pcscd/pcscd.comm").touch()
    assert not find_missing(tmp_path, lambda name: name == "certutil")


def test_only_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("ID=fedora\n")
    missing = find_missing(tmp_path, lambda _: True)  # a service without a driver
    assert missing.service
    assert missing.command == "sudo dnf install pcsc-lite-ccid"


def test_no_release_file_is_no_family() -> None:
    assert family_of({}) is None

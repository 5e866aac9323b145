"""What other systems than Debian call the packages, and what the chores go on without."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A package manager.

    Attributes:
        tool: its program.
        command: that installs packages, without their names.
        column: its place in :data:`NAMES`.

    """

    tool: str
    command: str
    column: int


FAMILIES = (
    Family("dnf", "sudo dnf install", 0),
    Family("pacman", "sudo pacman -S --needed", 1),
    Family("zypper", "sudo zypper install", 2),
    Family("brew", "brew install", 3),
    Family("winget", "winget install", 4),
)
# By Debian's names: Fedora's, Arch's, openSUSE's, Homebrew's, winget's; "" where it is not known,
# or comes with the system.
NAMES = {
    "appstream": ("appstream", "appstream", "AppStream", "", ""),
    "chromium": ("chromium", "chromium", "chromium", "chromium", "Google.Chrome"),
    "chromium-headless-shell": ("", "", "", "", ""),
    "createrepo-c": ("createrepo_c", "createrepo_c", "createrepo_c", "", ""),
    "dbus-daemon": ("dbus-daemon", "dbus", "dbus-1-daemon", "", ""),
    "firefox-esr": ("firefox", "firefox", "MozillaFirefox", "firefox", "Mozilla.Firefox.ESR"),
    "fontconfig": ("fontconfig", "fontconfig", "fontconfig", "fontconfig", ""),
    "fonts-noto-cjk": (
        *("google-noto-sans-cjk-fonts", "noto-fonts-cjk", "google-noto-sans-cjk-fonts"),
        *("font-noto-sans-cjk", ""),
    ),
    "gcc": ("gcc", "gcc", "gcc", "", ""),
    "gpg": ("gnupg2", "gnupg", "gpg2", "gnupg", "GnuPG.GnuPG"),
    "gpgv": ("gnupg2", "gnupg", "gpg2", "gnupg", "GnuPG.GnuPG"),
    "imagemagick": ("ImageMagick", "imagemagick", "ImageMagick", "imagemagick", ""),
    "iproute2": ("iproute", "iproute2", "iproute2", "", ""),
    "libc6-dev": ("glibc-devel", "glibc", "glibc-devel", "", ""),
    "libnss3-tools": ("nss-tools", "nss", "mozilla-nss-tools", "nss", ""),
    "libpcsclite-dev": ("pcsc-lite-devel", "pcsclite", "pcsc-lite-devel", "pcsc-lite", ""),
    "mupdf-tools": ("mupdf", "mupdf-tools", "mupdf", "mupdf-tools", ""),
    "msitools": ("msitools", "msitools", "msitools", "msitools", ""),
    "opensc": ("opensc", "opensc", "opensc", "opensc", "OpenSC.OpenSC"),
    "openssl": ("openssl", "openssl", "openssl", "openssl", "ShiningLight.OpenSSL.Light"),
    "osslsigncode": ("osslsigncode", "", "", "osslsigncode", ""),
    "pcscd": ("pcsc-lite", "pcsclite", "pcsc-lite", "", ""),
    "pkg-config": ("pkgconf-pkg-config", "pkgconf", "pkgconf-pkg-config", "pkgconf", ""),
    "poppler-utils": ("poppler-utils", "poppler", "poppler-tools", "poppler", ""),
    "postgresql": (
        *("postgresql-server", "postgresql", "postgresql-server", "postgresql"),
        "PostgreSQL.PostgreSQL.17",
    ),
    "python3-tk": ("python3-tkinter", "tk", "python3-tk", "python-tk", ""),
    "qpdf": ("qpdf", "qpdf", "qpdf", "qpdf", "QPDF.QPDF"),
    "redis-server": ("", "", "redis", "redis", ""),
    "rpm": ("rpm-sign", "rpm-tools", "rpm-build", "rpm", ""),
    "ruby": ("ruby", "ruby", "ruby", "ruby", "RubyInstallerTeam.Ruby.3.4"),
    "shellcheck": (
        *("ShellCheck", "shellcheck", "ShellCheck", "shellcheck", "koalaman.shellcheck"),
    ),
    "softhsm2": ("softhsm", "softhsm", "softhsm", "softhsm", ""),
    "xdotool": ("xdotool", "xdotool", "xdotool", "xdotool", ""),
    "xvfb": ("xorg-x11-server-Xvfb", "xorg-server-xvfb", "xorg-x11-server-Xvfb", "", ""),
}
WITHOUT = {
    "appstream": "the metainfo file for Linux is not judged",
    "apt-utils": "the repository of packages is not tested",
    "chromium": "no browser of its own is opened for the demo, and tests in browsers are skipped",
    "chromium-headless-shell": "the tests in browsers take the whole Chromium, and longer",
    "createrepo-c": "no repository of packages is made or tested",
    "dnf": "nothing is installed by dnf",
    "firefox-esr": "tests in Firefox are skipped",
    "fonts-noto-cjk": "Chinese in windows and pictures is boxes",
    "gcc": "pyscard cannot be compiled",
    "libc6-dev": "pyscard cannot be compiled",
    "libnss3-tools": "certutil is not there, no browser is made to trust the agent, and the demo "
    "tells an address instead of opening a browser",
    "libpcsclite-dev": "pyscard cannot be compiled",
    "msitools": "an MSI is not asked what it is",
    "mupdf-tools": "pictures of visible marks are not drawn by a second reader",
    "opensc": "the tests that hold signatures against OpenSC are skipped",
    "osslsigncode": "no signature is taken off a Windows program",
    "pcscd": "there are no readers, and PROVIDER=pcsc does not run",
    "pkg-config": "pyscard cannot be compiled",
    "poppler-utils": "signed PDFs are not held against NSS",
    "postgresql": "the member service is tested on SQLite only",
    "python3-tk": "the agent has no windows, so that consent and PIN cannot be asked for",
    "qpdf": "the structure of signed PDFs is not judged",
    "redis-server": "the store of challenges in Redis is not tested",
    "rpm": "packages for Fedora are not read, and no repository is made or tested",
    "ruby": "the cask for Homebrew is not judged",
    "shellcheck": "the installers' scripts are not judged",
    "softhsm2": "PKCS#11 tokens are tested with a stub module only",
    "vsmartcard-vpcd": "PROVIDER=pcsc and the tests through a private pcscd do not run",
    "xvfb": "the tests of windows are skipped",
    "zypper": "nothing is installed by zypper",
}


def present_family() -> Family | None:
    """Return the package manager of this system, where it is one that is known here."""
    if sys.platform == "darwin":
        return FAMILIES[3]
    if sys.platform == "win32":
        return FAMILIES[4]
    return next((each for each in FAMILIES[:3] if shutil.which(each.tool)), None)


def install_lines(family: Family | None, debian_names: Sequence[str]) -> list[str]:
    """Return how a person installs packages, line by line.

    Args:
        family: of the system; None where it is not known.
        debian_names: of the packages.

    """
    if family is None:
        return [f"please install what Debian calls: {' '.join(debian_names)}"]
    known = {name: NAMES.get(name, ("",) * 5)[family.column] for name in debian_names}
    names = dict.fromkeys(filter(None, known.values()))
    lines = [f"    {family.command} {' '.join(names)}"] if names else []
    unknown = [name for name, own in known.items() if not own]
    if unknown:
        lines.append(f"and what Debian calls: {' '.join(unknown)}")
    return lines


def consequences(debian_names: Sequence[str]) -> list[str]:
    """Return a line for each package of which it is known what is not there without it."""
    return [f"  without {name}: {WITHOUT[name]}" for name in debian_names if name in WITHOUT]

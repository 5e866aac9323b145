"""Install the system packages of which something is missing."""

import os
import shutil
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devkit.families import consequences, install_lines, present_family
from devkit.shell import output, run, say, shown

APT_GET = ("apt-get", "-o", "DPkg::Lock::Timeout=900")  # another apt may be at work: wait for it
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_ONE_AT_A_TIME = threading.Lock()
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"  # not on an ordinary user's PATH


@dataclass(frozen=True)
class Package:
    """A Debian package, and a check whether its content is there already."""

    name: str
    present: Callable[[], bool]


def has_program(*names: str) -> Callable[[], bool]:
    """Return a check whether any of the programs ``names`` is installed."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), SBIN))
    return lambda: any(shutil.which(name, path=path) for name in names)


def _has_file(*candidates: str) -> Callable[[], bool]:
    return lambda: any(Path(candidate).exists() for candidate in candidates)


def _has_ensurepip() -> bool:
    # ensurepip itself is always there on Debian; what python3-venv adds are its wheels.
    script = "import ensurepip, venv; ensurepip.version()"
    return output([sys.executable, "-c", script]) is not None


def _has_tk() -> bool:
    # Another Python than Debian's would not find Debian's Tk: nothing to install then.
    is_debians = sys.base_prefix == "/usr"
    return not is_debians or output([sys.executable, "-c", "import tkinter"]) is not None


def _has_python_headers() -> bool:
    return Path(sysconfig.get_path("include"), "Python.h").exists()


def _has_pcsc_headers() -> bool:
    return output(["pkg-config", "--exists", "libpcsclite"]) is not None


def _has_postgresql() -> bool:
    # Debian keeps the server's programs of each version in a folder of their own.
    return has_program("initdb")() or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def _has_chinese_font() -> bool:
    return bool((output(["fc-list", ":lang=zh-tw", "file"]) or "").strip())


# pyscard has no wheel for Linux: pip compiles it.
BUILD = (
    Package(f"{PYTHON}-venv", _has_ensurepip),
    Package(f"{PYTHON}-dev", _has_python_headers),
    Package("gcc", has_program("gcc", "cc")),
    Package("libc6-dev", _has_file("/usr/include/stdlib.h")),
    Package("pkg-config", has_program("pkg-config")),
    Package("libpcsclite-dev", _has_pcsc_headers),
)
BROWSER = (
    Package("chromium", has_program("chromium", "chromium-browser", "google-chrome")),
    Package("libnss3-tools", has_program("certutil")),
    Package("fontconfig", has_program("fc-list")),
    Package("fonts-noto-cjk", _has_chinese_font),
)
# The agent's own windows, for Debian's Python; others bring Tk along.
WINDOWS = (Package("python3-tk", _has_tk),)
# The same engine in a package of its own: tests that are about pages alone start it in less time.
HEADLESS = (Package("chromium-headless-shell", has_program("chromium-headless-shell")),)
# A desktop without a screen, for the tests of the windows and of the icon.
DESKTOP = (
    Package("xvfb", has_program("Xvfb")),
    Package("xdotool", has_program("xdotool")),
    Package("imagemagick", has_program("import")),
    Package("dbus-daemon", has_program("dbus-daemon")),
    Package("xfce4-panel", has_program("xfce4-panel")),
)
# vpcd's reader driver lets any host of the network put a card into the system's own pcscd, so
# these come only where they are asked for. Our own pcscd runs apart from the system's.
PCSC = (
    Package("pcscd", has_program("pcscd")),
    Package("vsmartcard-vpcd", _has_file("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")),
)
# For the member service and for stores of challenges; the tests start servers of their own and
# leave the system's alone.
DATABASE = (
    Package("postgresql", _has_postgresql),
    Package("redis-server", has_program("redis-server")),
)
# What other languages' verifiers run with; `make proof` alone runs them.
LANGUAGES = (
    Package("php-cli", has_program("php")),
    Package("golang-go", has_program("go")),
    Package("default-jdk-headless", has_program("javac")),
    Package("libbcprov-java", _has_file("/usr/share/java/bcprov.jar")),
    Package("libbcpkix-java", _has_file("/usr/share/java/bcpkix.jar")),
    Package("libitext5-java", _has_file("/usr/share/java/itext5.jar")),
)
# What judges documents for archives; likewise.
ARCHIVES = (
    Package("libpdfbox2-java", _has_file("/usr/share/java/preflight.jar")),
    Package("libcommons-logging-java", _has_file("/usr/share/java/commons-logging.jar")),
    Package("libjaxb-api-java", _has_file("/usr/share/java/jaxb-api.jar")),
    Package("libactivation-java", _has_file("/usr/share/java/javax.activation.jar")),
)
# Of the scripts that installers run.
SHELLCHECK = Package("shellcheck", has_program("shellcheck"))
# Signs Windows' programs, and takes signatures off.
OSSLSIGNCODE = Package("osslsigncode", has_program("osslsigncode"))
MSITOOLS = Package("msitools", has_program("msibuild"))
# What judges what channels publish.
CHANNELS = (
    Package("appstream", has_program("appstreamcli")),
    MSITOOLS,
    Package("rpm", has_program("rpm")),
    Package("ruby", has_program("ruby")),
)
OPENSSL = Package("openssl", has_program("openssl"))
# Reads the MSI, and signs it for a trial.
PROCUREMENT = (MSITOOLS, OSSLSIGNCODE, OPENSSL)
JUDGES = (
    Package("firefox-esr", has_program("firefox-esr", "firefox")),
    Package("opensc", has_program("pkcs11-tool")),
    Package("softhsm2", has_program("softhsm2-util")),
    OPENSSL,
    Package("iproute2", has_program("ss")),
    Package("mupdf-tools", has_program("mutool")),
    Package("poppler-utils", has_program("pdfsig")),
    Package("qpdf", has_program("qpdf")),
    SHELLCHECK,
    OSSLSIGNCODE,
    *CHANNELS,
)
# What puts the frozen program into packages, and what judges them.
LINUX_INSTALLERS = (
    Package("binutils", has_program("readelf")),
    Package("patchelf", has_program("patchelf")),
    Package("makeself", has_program("makeself")),
    Package("xz-utils", has_program("xz")),
    Package("lintian", has_program("lintian")),
    Package("desktop-file-utils", has_program("desktop-file-validate")),
    Package("man-db", has_program("man")),
    Package("rpm", has_program("rpm")),
    Package("debootstrap", has_program("debootstrap")),
)
# What makes repositories for apt and dnf, and what judges them: dnf installs into a folder.
REPOSITORY = (
    Package("rpm", has_program("rpmsign")),
    Package("createrepo-c", has_program("createrepo_c")),
    Package("gpgv", has_program("gpgv")),
)
REPOSITORY_JUDGES = (
    Package("apt-utils", has_program("apt-ftparchive")),
    Package("dnf", has_program("dnf", "dnf4")),
    Package("zypper", has_program("zypper")),
    Package("gpg", has_program("gpg")),
)
# What builds the Windows installer on Linux: Wine for PyInstaller, mingw for three small programs.
WINE_BUILD = (
    Package("wine", has_program("wine")),
    Package("wine64", _has_file("/usr/lib/wine/wine64", "/usr/lib/x86_64-linux-gnu/wine")),
    Package("nsis", has_program("makensis")),
    Package("gcc-mingw-w64-x86-64", has_program("x86_64-w64-mingw32-gcc")),
    Package("mingw-w64-tools", has_program("gendef")),
    OSSLSIGNCODE,
    Package("ca-certificates", _has_file("/etc/ssl/certs/ca-certificates.crt")),
    Package("tcl8.6", _has_file("/usr/share/tcltk/tcl8.6")),
    Package("tk8.6", _has_file("/usr/share/tcltk/tk8.6")),
    Package("locales", _has_file("/usr/share/i18n/locales/zh_TW")),
    Package("fonts-noto-cjk", _has_chinese_font),
    MSITOOLS,
    Package("gcab", has_program("gcab")),
)
# A Windows desktop in Wine, for the tests of what was built.
WINE_DESKTOP = (
    Package("openbox", has_program("openbox")),
    Package("trayer", has_program("trayer")),
)
EVERYTHING = (
    *(*BUILD, *WINDOWS, *BROWSER, *HEADLESS, *DESKTOP, *PCSC, *JUDGES, *DATABASE),
    *(*REPOSITORY, *REPOSITORY_JUDGES),
)


def missing(packages: Iterable[Package]) -> list[str]:
    """Return Debian's names of the packages of which something is missing, each once."""
    if not sys.platform.startswith("linux"):
        return []  # PC/SC is part of Windows and macOS, and pyscard has wheels there
    return list(dict.fromkeys(package.name for package in packages if not package.present()))


def ensure(packages: Iterable[Package]) -> None:
    """Install what is missing; where that is not allowed, say how, and what it goes on without."""
    with _ONE_AT_A_TIME:  # of several builds; whoever waited finds what the other has installed
        _ensure(tuple(packages))


def _ensure(packages: Sequence[Package]) -> None:
    names = missing(packages)
    if not names:
        return
    prefix = _privilege()
    if shutil.which("apt-get") is None:
        say("these system packages are missing:")
        _print(install_lines(present_family(), names))
    elif prefix is None:
        say("these system packages are missing, and installing them needs your password:")
        _print(["    " + shown(["sudo", *APT_GET, "install", "-y", *names])])
    else:
        _install(prefix, names)
    left = missing(packages)
    if left:
        say(f"going on without: {' '.join(left)}")
        _print(consequences(left))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _privilege() -> list[str] | None:
    """Return the prefix that runs a command as root; None where that is not allowed."""
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if os.geteuid() == 0:
        return environment
    if shutil.which("sudo") and output(["sudo", "-n", "true"]) is not None:
        return ["sudo", "-n", *environment]
    return None


def _install(prefix: list[str], names: Sequence[str]) -> None:
    say(f"installing {len(names)} system packages, as root: {' '.join(names)}")
    # Lists that are older than the archive name versions that are gone, and an old browser.
    run([*prefix, *APT_GET, "update"], quiet=True)
    unknown = _without_candidate(names)
    if unknown:
        say(f"this system's apt has no {' '.join(unknown)}")
    wanted = [name for name in names if name not in unknown]
    if not wanted:
        return
    command = [*prefix, *APT_GET, "install", "-y", "--no-install-recommends", *wanted]
    say(shown(command))
    if run(command, quiet=True) != 0:
        say("apt-get failed (see above)")


def _without_candidate(names: Sequence[str]) -> list[str]:
    """Return those ``names`` that apt could not install now."""
    known = set()
    current = ""
    for line in (output(["apt-cache", "policy", *names]) or "").splitlines():
        if line.endswith(":") and not line.startswith(" "):
            current = line[:-1]
        elif line.startswith("  Candidate:") and "(none)" not in line:
            known.add(current)
    return [name for name in names if name not in known]

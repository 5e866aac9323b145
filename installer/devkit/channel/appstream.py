"""AppStream: what catalogues of software on Linux show, as the packages carry it."""

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from frozen import freeze
from linux.build.metainfo import NAME, PLACE, metainfo

from devkit.channel.built import BuiltRelease
from devkit.channel.verdict import ChannelVerdict, ReleaseChannel
from devkit.shell import SetupError, output, run


def render(release: BuiltRelease, out: Path) -> str:
    """Write the metainfo file of a .deb, or where none was built, as one would have it now."""
    debs = _named(release, ".deb")
    found = _carried(debs[0]) if debs and shutil.which("dpkg-deb") else None
    made = metainfo(release.version, int(freeze.source_date())).encode()
    (out / NAME).write_bytes(made if found is None else found)
    return ""


def _named(release: BuiltRelease, ending: str) -> list[Path]:
    return [each.path for name, each in sorted(release.files.items()) if name.endswith(ending)]


def _carried(deb: Path) -> bytes:
    """Return the metainfo file of a package for Debian.

    Raises:
        SetupError: it has none.

    """
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unpacking:
        try:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as inside:
                for member in inside:
                    if member.name.removeprefix("./") == PLACE:
                        file = inside.extractfile(member)
                        return b"" if file is None else file.read()
        except tarfile.TarError as error:
            raise SetupError(f"{deb.name} cannot be read: {error}") from error
        finally:
            unpacking.terminate()
    raise SetupError(f"{deb.name} has no {PLACE}: build anew")


def validate(release: BuiltRelease, folder: Path) -> ChannelVerdict:
    """Have appstreamcli judge the file, and compare it with what the packages carry.

    Raises:
        SetupError: it has a fault, or a package has another one.

    """
    proven, unproven = [], []
    path = folder / NAME
    if shutil.which("appstreamcli") is None:
        unproven.append("the metainfo: appstreamcli is missing")
    else:
        judge(path)
        proven.append("appstreamcli: valid, also pedantically")
    found = path.read_bytes()
    for ending, tool in ((".deb", "dpkg-deb"), (".rpm", "rpm")):
        packages = _named(release, ending) if shutil.which(tool) else []
        for package in packages:
            is_same = _carried(package) == found if ending == ".deb" else _in_rpm(package, found)
            if not is_same:
                raise SetupError(f"{package.name} carries another {NAME}: build anew")
            proven.append(f"{package.name} carries it")
        if not packages:
            unproven.append(f"that the {ending} carries it")
    return ChannelVerdict(proven, unproven)


def judge(path: Path) -> None:
    """Have appstreamcli judge a metainfo file; it prints what is wrong.

    Raises:
        SetupError: it has a fault.

    """
    if run(["appstreamcli", "validate", "--no-net", "--pedantic", path], quiet=True) != 0:
        raise SetupError(f"{path.name} has a fault (see above)")


def _in_rpm(package: Path, found: bytes) -> bool:
    listed = output(["rpm", "-qp", "--queryformat", "[%{FILENAMES} %{FILEDIGESTS}\n]", package])
    return f"/{PLACE} {hashlib.sha256(found).hexdigest()}" in (listed or "").splitlines()


CHANNEL: Final = ReleaseChannel(
    "appstream", render, validate, "a catalogue of software that shows it; screenshots of it"
)

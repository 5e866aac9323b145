"""Homebrew: the cask, first for a tap of one's own."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from devkit.channel import published
from devkit.channel.built import FOR_MAC, BuiltRelease, DeliveredFile, pretended
from devkit.channel.verdict import ChannelVerdict, ReleaseChannel
from devkit.shell import ROOT, SetupError, output, run

TEMPLATE: Final = ROOT / "installer" / "macos" / "ankong.rb.in"
STAND_IN: Final = Path(__file__).with_name("stanzas.rb")
NAME: Final = "ankong.rb"
MACHINES: Final = {"arm64": "arm", "x86_64": "intel"}
"""What a package calls a processor, and what Homebrew does."""
_UNSAFE: Final = ('"', "\\", "#", "\n", "\r", "@")
_APP: Final = "/Applications/Ankong.app"


def package_name(version: str, machine: str) -> str:
    """Return the name of the package for a processor."""
    return f"ankong-{version}-{machine}{FOR_MAC}"


def packages(release: BuiltRelease) -> dict[str, DeliveredFile]:
    """Return the packages that were built, by their processors."""
    names = {machine: package_name(release.version, machine) for machine in MACHINES}
    return {
        machine: release.files[name] for machine, name in names.items() if name in release.files
    }


def text(release: BuiltRelease, template: str) -> str:
    """Return the cask for the packages that were built; there is one at least.

    Raises:
        SetupError: a value would end the text that it stands in.

    """
    sums = {machine: file.sha256 for machine, file in packages(release).items()}
    facts = published.facts()
    values = {
        "VERSION": release.version,
        "NAME": published.product("zh-TW")["name"],
        "ENGLISH_NAME": published.product("en-US")["name"],
        "DESC": facts["text"]["en-US"]["short"],
        "HOME": facts["publisher"]["home"],
    }
    downloads = release.downloads
    for value in (*values.values(), downloads):
        if any(letter in value for letter in _UNSAFE):
            raise SetupError(f"the cask cannot hold {value!r}")
    values["DOWNLOADS"] = downloads.replace("{version}", "#{version}")
    several = len(sums) > 1
    arch = ", ".join(f'{own}: "{machine}"' for machine, own in MACHINES.items())
    values["MACHINE"] = "#{arch}" if several else next(iter(sums))
    parts = {
        "@ARCH@": [f"arch {arch}", ""] if several else [],
        "@SHA256@": _sums(sums),
        "@ONLY@": [""] if several else [f"depends_on arch: :{values['MACHINE']}", ""],
    }
    lines: list[str] = []
    for line in template.splitlines():
        known = parts.get(line.strip())
        lines += [line] if known is None else [f"  {each}" if each else "" for each in known]
    whole = "".join(f"{line}\n" for line in lines)
    for name, value in values.items():
        whole = whole.replace(f"@{name}@", value)
    return whole


def _sums(sums: Mapping[str, str]) -> list[str]:
    if len(sums) == 1:
        return [f'sha256 "{value}"' for value in sums.values()]
    return [f'sha256 arm:   "{sums["arm64"]}",', f'       intel: "{sums["x86_64"]}"']


def render(release: BuiltRelease, out: Path) -> str:
    """Write the cask; return why there is none, or an empty text."""
    if not packages(release):
        return "no .pkg was built here: a Mac makes it (installer/macos/build.sh)"
    whole = text(release, TEMPLATE.read_text("utf-8"))
    (out / NAME).write_bytes(whole.encode())
    return ""


def validate(release: BuiltRelease, folder: Path) -> ChannelVerdict:
    """Have Ruby read the cask, and compare each stanza with what was meant.

    Without a package the template is tried all the same, with sums of nothing, elsewhere.

    Raises:
        SetupError: Ruby cannot read it, or it says something else.

    """
    if shutil.which("ruby") is None:
        return ChannelVerdict((), ("the cask: ruby is missing",))
    if (folder / NAME).exists():
        judge(folder / NAME, release)
        built = " and ".join(packages(release))
        return ChannelVerdict([f"ruby reads the cask, and it says what was meant, for {built}"])
    with tempfile.TemporaryDirectory() as scratch:
        for some in (list(MACHINES), *([machine] for machine in MACHINES)):
            names = [package_name(release.version, machine) for machine in some]
            fake = pretended(release, names)
            render(fake, Path(scratch))
            judge(Path(scratch, NAME), fake)
    proven = "ruby reads the template, and it says what is meant, with sums of nothing"
    return ChannelVerdict([proven], ["a cask that could be used"])


def judge(cask: Path, release: BuiltRelease) -> None:
    """Compare what a cask says with what was meant, for each processor.

    Raises:
        SetupError: Ruby cannot read it, or it says something else.

    """
    if run(["ruby", "-c", cask], quiet=True) != 0:
        raise SetupError(f"{cask.name}: ruby cannot read it (see above)")
    for machine in packages(release):
        said = output(["ruby", STAND_IN, cask, machine])
        if said is None:
            raise SetupError(f"{cask.name} is no cask: ruby {STAND_IN.name} says why")
        found, wanted = json.loads(said), meant(release, machine)
        other = sorted(
            key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)
        )
        if other:
            raise SetupError(f"{cask.name} does not say what was meant: {', '.join(other)}")


def meant(release: BuiltRelease, machine: str) -> Mapping[str, Any]:
    """Return what the cask is to say on a processor: stanzas, and what their calls are given."""
    facts = published.facts()
    name = package_name(release.version, machine)
    system: list[list[Any]] = [[{"macos": ">= :monterey"}]]
    several = len(packages(release)) > 1
    both = {"arch": [[{own: each for each, own in MACHINES.items()}]]}
    return {
        **(both if several else {}),
        "cask": [["ankong"]],
        "version": [[release.version]],
        "sha256": [[release.files[name].sha256]],
        "url": [[release.address_of(name)]],
        "name": [[published.product(tag)["name"]] for tag in ("zh-TW", "en-US")],
        "desc": [[facts["text"]["en-US"]["short"]]],
        "homepage": [[facts["publisher"]["home"]]],
        "depends_on": system if several else [*system, [{"arch": machine}]],
        "pkg": [[name]],
        "uninstall": [
            [
                {
                    "launchctl": "org.ankong.agent",
                    "quit": "org.ankong.agent",
                    "script": {
                        "executable": f"{_APP}/Contents/MacOS/ankong",
                        "args": ["setup", "undo"],
                    },
                    "pkgutil": "org.ankong.agent",
                    "delete": _APP,
                }
            ]
        ],
        "zap": [[{"trash": "~/Library/Application Support/ankong"}]],
    }


CHANNEL: Final = ReleaseChannel(
    "homebrew",
    render,
    validate,
    "brew style and brew audit (dev.py channels --try on a hosted Mac); that brew installs and "
    "removes it; Gatekeeper",
)

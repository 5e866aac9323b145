"""winget: the manifests of one version, for winget-pkgs or a source of one's own.

Facts are those of microsoft/winget-cli's schema 1.12.0, whose fields ``schema.json`` in
installer/windows/winget describes in our own words: only what is written here, with its limits.
"""

import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from windows.build.msi_tables import Product

from devkit import venv, workflows
from devkit.channel import published
from devkit.channel.built import BuiltRelease, pretended
from devkit.channel.verdict import ChannelVerdict, ReleaseChannel
from devkit.shell import ROOT, SetupError, output, run

Manifest: TypeAlias = Mapping[str, Any]
SOURCES: Final = ROOT / "installer" / "windows"
SCHEMA: Final = SOURCES / "winget" / "schema.json"
OFFICIAL: Final = "ANKONG_WINGET_SCHEMAS"
"""The variable with a folder of Microsoft's own schemas, where somebody has them."""
UNINSTALL_KEY: Final = "Ankong"
"""What setup.nsi calls the program's key among the installed programs."""


def manifests(release: BuiltRelease) -> dict[str, Manifest]:
    """Return the manifests by the names of their files; none without a file for Windows."""
    installers = list(_installers(release))
    if not installers:
        return {}
    facts = published.facts()["winget"]
    name, locale = facts["identifier"], facts["default_locale"]
    head = {"PackageIdentifier": name, "PackageVersion": release.version}
    said: dict[str, Manifest] = {
        f"{name}.yaml": {**head, "DefaultLocale": locale, **_tail("version")},
        f"{name}.installer.yaml": {
            **head,
            "Platform": ["Windows.Desktop"],
            "MinimumOSVersion": facts["minimum_os"],
            "InstallModes": ["interactive", "silent", "silentWithProgress"],
            "UpgradeBehavior": "install",
            **_day(release.version),
            "Installers": installers,
            **_tail("installer"),
        },
    }
    for tag in published.facts()["text"]:
        kind = "defaultLocale" if tag == locale else "locale"
        moniker = {"Moniker": "ankong"} if tag == locale else {}
        said[f"{name}.locale.{tag}.yaml"] = {**head, **_told(tag), **moniker, **_tail(kind)}
    return said


def _tail(kind: str) -> Manifest:
    facts = published.facts()["winget"]
    return {"ManifestType": kind, "ManifestVersion": facts["manifest_version"]}


def _day(version: str) -> Manifest:
    day = published.released().get(version)
    return {"ReleaseDate": day} if day else {}


def _told(tag: str) -> Manifest:
    """Return what one language says of the program."""
    facts = published.facts()
    words, text = published.product(tag), facts["text"][tag]
    return {
        "PackageLocale": tag,
        "Publisher": words["company"],
        "PublisherUrl": facts["publisher"]["home"],
        "PublisherSupportUrl": facts["publisher"]["help"],
        "PackageName": words["both_names"],
        "PackageUrl": facts["publisher"]["home"],
        "License": "MIT",
        "Copyright": published.holder(),
        "ShortDescription": text["short"],
        "Description": "\n\n".join(text["long"]),
        "Tags": facts["winget"]["tags"],
    }


def setup_name(version: str) -> str:
    """Return the name of the wizard for one user."""
    return f"ankong-setup-{version}-x64.exe"


def msi_name(version: str) -> str:
    """Return the name of the MSI for all users."""
    return f"ankong-{version}-x64.msi"


def _installers(release: BuiltRelease) -> Iterator[Manifest]:
    for name, kind in (
        (setup_name(release.version), _of_setup),
        (msi_name(release.version), _of_msi),
    ):
        if name in release.files:
            yield {
                "Architecture": "x64",
                **kind(release.version),
                "InstallerUrl": release.address_of(name),
                "InstallerSha256": release.files[name].sha256.upper(),
            }


def _of_setup(version: str) -> Manifest:
    facts = published.facts()["winget"]["setup"]
    entry = {**_entry(version), "ProductCode": UNINSTALL_KEY, "InstallerType": "nullsoft"}
    return {
        "InstallerType": "nullsoft",
        "Scope": "user",
        "InstallerSwitches": {
            "Silent": facts["silent"],
            "SilentWithProgress": facts["silent"],
            "InstallLocation": facts["location"],
        },
        "InstallerSuccessCodes": facts["successes"],
        "ExpectedReturnCodes": [
            {"InstallerReturnCode": int(code), "ReturnResponse": response, **_help(response)}
            for code, response in facts["responses"].items()
        ],
        "UnsupportedArguments": ["log"],
        "ProductCode": UNINSTALL_KEY,
        "AppsAndFeaturesEntries": [entry],
    }


def _help(response: str) -> Manifest:
    """Return the address that winget shows where it has no words of its own."""
    page = published.facts()["publisher"]["help"]
    return {"ReturnResponseUrl": page} if response == "custom" else {}


def _of_msi(version: str) -> Manifest:
    facts = published.facts()["winget"]["msi"]
    product = product_of(version)
    entry = {
        **_entry(product.numbers),
        "ProductCode": product.code,
        "UpgradeCode": "{" + product.facts["upgrade_code"].upper() + "}",
        "InstallerType": "msi",
    }
    return {
        "InstallerType": "msi",
        "Scope": "machine",
        "InstallerSwitches": {
            "Silent": facts["silent"],
            "SilentWithProgress": facts["progress"],
            "InstallLocation": facts["location"],
            "Log": facts["log"],
        },
        "ElevationRequirement": "elevationRequired",
        "ProductCode": product.code,
        "AppsAndFeaturesEntries": [entry],
    }


def product_of(version: str) -> Product:
    """Return what the MSI says of the program."""
    name = published.product("zh-TW")["both_names"]
    facts = tomllib.loads((SOURCES / "msi.toml").read_text("utf-8"))
    return Product(Path(), version, name, _publisher(), facts)


def _publisher() -> str:
    """Return the publisher as both installers write it among the installed programs."""
    return " ".join(published.product(tag)["company"] for tag in ("zh-TW", "en-US"))


def _entry(shown: str) -> Manifest:
    """Return what stands among the installed programs, with the version that is shown there."""
    name = published.product("zh-TW")["both_names"]
    return {"DisplayName": name, "Publisher": _publisher(), "DisplayVersion": shown}


# Writing.


def render(release: BuiltRelease, out: Path) -> str:
    """Write the manifests; return why there are none, or an empty text."""
    said = manifests(release)
    for name, manifest in said.items():
        (out / name).write_bytes(text(manifest).encode())
    return "" if said else "no file for Windows was built here: make installers ONLY=windows"


def text(manifest: Manifest) -> str:
    """Return a manifest as YAML, each text in quotation marks as in JSON."""
    kind, version = manifest["ManifestType"], manifest["ManifestVersion"]
    address = f"https://aka.ms/winget-manifest.{kind}.{version}.schema.json"
    lines = [f"# yaml-language-server: $schema={address}", "", *_lines(manifest)]
    return "".join(f"{line}\n" for line in lines)


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, Mapping | list):
                yield f"{key}:"
                indent = "  " if isinstance(inner, Mapping) else ""
                yield from (f"{indent}{line}" for line in _lines(inner))
            else:
                yield f"{key}: {_scalar(inner)}"
    elif isinstance(value, list):
        for each in value:
            first, *rest = _lines(each)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(value)


def _scalar(value: str | int) -> str:
    return json.dumps(value, ensure_ascii=False)


# Judging.


def validate(release: BuiltRelease, folder: Path) -> ChannelVerdict:
    """Have check-jsonschema read the manifests, and the MSI say what it is.

    Raises:
        SetupError: a manifest does not keep to the schema, or the MSI says something else.

    """
    workflows.ensure()
    names = [setup_name(release.version), msi_name(release.version)]
    with tempfile.TemporaryDirectory() as scratch:
        render(pretended(release, names), Path(scratch))
        proven = _judged(Path(scratch), "both installers, with sums of nothing")
    unproven = [f"{name}: was not built here" for name in names if name not in release.files]
    if any(name in release.files for name in names):
        proven += _judged(folder, "what was built")
    if not os.environ.get(OFFICIAL):
        unproven.append(f"that they keep to Microsoft's own schemas ({OFFICIAL}=DIR)")
    if names[1] in release.files:
        (proven if msi_agrees(release) else unproven).append(
            "the MSI itself says these codes, names and version (msiinfo)"
        )
    return ChannelVerdict(proven, unproven)


def _judged(folder: Path, of_what: str) -> list[str]:
    judge(folder, SCHEMA)
    proven = [f"check-jsonschema: manifests of {of_what} keep to our description of schema 1.12.0"]
    official = os.environ.get(OFFICIAL)
    if official:
        _judge_officially(folder, Path(official))
        proven.append("and to Microsoft's own")
    return proven


def judge(folder: Path, schema: Path, pattern: str = "*.yaml") -> None:
    """Have check-jsonschema read manifests; it prints what is wrong.

    Raises:
        SetupError: one does not keep to the schema, or there is none.

    """
    files = sorted(folder.glob(pattern))
    program = venv.SCRIPTS / "check-jsonschema"
    if not files or run([program, "--schemafile", schema, *files], quiet=True) != 0:
        raise SetupError(f"winget: {pattern} in {folder} does not keep to {schema.name}")


def _judge_officially(folder: Path, schemas: Path) -> None:
    facts = published.facts()["winget"]
    version, name = facts["manifest_version"], facts["identifier"]
    patterns = {
        "version": f"{name}.yaml",
        "installer": f"{name}.installer.yaml",
        "defaultLocale": f"{name}.locale.{facts['default_locale']}.yaml",
        "locale": f"{name}.locale.en-US.yaml",
    }
    for kind, pattern in patterns.items():
        judge(folder, schemas / f"manifest.{kind}.{version}.json", pattern)


def msi_agrees(release: BuiltRelease) -> bool:
    """Compare with the table Property of the MSI; return whether something here could read it.

    Raises:
        SetupError: it says something else.

    """
    if shutil.which("msiinfo") is None:
        return False
    path = release.files[msi_name(release.version)].path
    table = output(["env", "LC_ALL=C.UTF-8", "msiinfo", "export", path, "Property"]) or ""
    rows = (line.split("\t", 1) for line in table.splitlines() if "\t" in line)
    said = {name: value.strip() for name, value in rows}
    product = product_of(release.version)
    wanted = {
        "ProductCode": product.code,
        "UpgradeCode": "{" + product.facts["upgrade_code"].upper() + "}",
        "ProductVersion": product.numbers,
        "ProductName": product.name,
        "Manufacturer": product.publisher,
    }
    other = [f"{name} is {said.get(name)}" for name in wanted if said.get(name) != wanted[name]]
    if other:
        raise SetupError(f"{path.name} is not what the manifest says: {', '.join(other)}")
    return True


CHANNEL: Final = ReleaseChannel(
    "winget",
    render,
    validate,
    "winget validate, winget install --manifest (dev.py channels --try on a hosted Windows); that "
    "winget finds both again among the installed programs; winget-pkgs' own checks",
)

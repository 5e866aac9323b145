"""The tables of the MSI, as data; :mod:`windows.build.msi` writes them into a file.

The MSI does what Windows Installer does by itself, and calls ``ankong.exe`` for the rest. Names
and numbers are those of Windows Installer's reference; :mod:`windows.build.msi_columns` has the
columns.
"""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from devkit.shell import SetupError
from windows.build import msi_service
from windows.build.msi_columns import Row

PROGRAM: Final = "ankong.exe"
WINDOWED: Final = "ankongw.exe"
CABINET: Final = "program.cab"
ICON: Final = "ankong.ico"
OWN_KEY: Final = r"Software\Ankong"
RUN_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
EVENT_SOURCE: Final = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\Ankong"
# One of Windows' own: for the ids 1 to 1000 it says "%1", which is the line that an event has.
EVENT_MESSAGES: Final = r"%SystemRoot%\System32\EventCreate.exe"
_LOCAL_MACHINE: Final = 2
_RAW_64_BIT: Final = 2 + 16  # what RegLocator reads
_COMPONENT_64_BIT: Final = 0x100
_BY_REGISTRY: Final = 4  # a component whose key path is a registry value
_AGAIN: Final = 0x40  # a component whose condition counts at each maintenance
_SET_PROPERTY: Final = 51
_PROGRAM_OF_OURS: Final = 18  # its source is a key of File
_OTHER_PROGRAM: Final = 34  # its source is a folder, its target the whole command line
_GO_ON: Final = 0x40
_NOT_WAITED_FOR: Final = 0x80 + _GO_ON
_DEFERRED: Final = 0x400
_AS_SYSTEM: Final = 0x800 + _DEFERRED
_AT_ROLLBACK: Final = 0x100
_ONLY_DETECT: Final = 2
_SYSTEM: Final = "S-1-5-18"
_LAST: Final = msi_service.LAST
_STAYS: Final = msi_service.STAYS
_STEPS: Final = {
    "FindRelatedProducts": 25,
    "AppSearch": 50,
    "LaunchConditions": 200,
    "CostInitialize": 800,
    "FileCost": 900,
    "CostFinalize": 1000,
    "ExecuteAction": 1300,
    "InstallValidate": 1400,
    "InstallInitialize": 1500,
    # Within the transaction: where the new version cannot be installed, the old one comes back.
    "RemoveExistingProducts": 1510,
    "ProcessComponents": 1600,
    "UnpublishFeatures": 1800,
    "StopServices": 1900,
    "DeleteServices": 2000,
    "RemoveRegistryValues": 2600,
    "RemoveShortcuts": 3200,
    "RemoveFiles": 3500,
    "InstallAdminPackage": 3900,
    "InstallFiles": 4000,
    "CreateShortcuts": 4500,
    "WriteRegistryValues": 5000,
    "InstallServices": 5800,
    "StartServices": 5900,
    "RegisterUser": 6000,
    "RegisterProduct": 6100,
    "PublishFeatures": 6300,
    "PublishProduct": 6400,
    "InstallFinalize": 6600,
}
"""Windows Installer's own actions, at the numbers that its reference suggests."""
_WORK: Final = (
    *("RemoveExistingProducts", "ProcessComponents", "UnpublishFeatures"),
    *("RemoveRegistryValues", "RemoveShortcuts", "RemoveFiles"),
    *("InstallFiles", "CreateShortcuts", "WriteRegistryValues"),
    *("RegisterUser", "RegisterProduct", "PublishFeatures", "PublishProduct"),
)
_SHORT: Final = re.compile(r"[A-Z0-9_\-]{1,8}(\.[A-Z0-9_\-]{1,3})?(?!\n)$")


@dataclass(frozen=True)
class Product:
    """Facts about the program that goes into the MSI.

    Attributes:
        program: the frozen folder.
        version: of the agent; the MSI says its numbers.
        name: the product's name, as it stands among the installed programs.
        publisher: likewise.
        facts: the content of ``msi.toml``.

    """

    program: Path
    version: str
    name: str
    publisher: str
    facts: Mapping[str, Any]

    @property
    def numbers(self) -> str:
        """The version as Windows Installer has it: three numbers."""
        plain = re.sub(r"[^0-9.].*", "", self.version)
        return ".".join([*plain.split("."), "0", "0"][:3])

    def identifier(self, *words: str) -> str:
        """Make a GUID that is the same for the same words, in braces."""
        made = uuid.uuid5(uuid.UUID(self.facts["namespace"]), ":".join(words))
        return braced(made)

    @property
    def code(self) -> str:
        """The product code: one for each version and platform."""
        return self.identifier("product", self.numbers, "x64")

    def message(self, name: str, /, **values: str) -> str:
        """Return a message in both languages.

        Raises:
            SetupError: it is too long for Windows Installer.

        """
        both = self.facts["messages"][name]
        text = " ".join(both[tag].format_map(values) for tag in ("zh-TW", "en-US"))
        if len(text) > 255:
            raise SetupError(f"msi.toml: {name} has {len(text)} characters, and 255 is the limit")
        return text


@dataclass
class _Tree:
    """The rows about files and folders, and the order of the files in the cabinet."""

    directories: list[Row] = field(default_factory=list)
    components: list[Row] = field(default_factory=list)
    files: list[Row] = field(default_factory=list)
    order: list[tuple[str, Path]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)


def braced(made: uuid.UUID) -> str:
    """Write a GUID as Windows Installer does."""
    return "{" + str(made).upper() + "}"


def tables(product: Product) -> tuple[dict[str, list[Row]], list[tuple[str, Path]]]:
    """Return the rows of each table; and each file with its key, in the order of the cabinet.

    Raises:
        SetupError: a file's name cannot be written, or a message is too long.

    """
    tree = _tree(product)
    components = [*tree.components, *_own_components(product)]
    made: dict[str, list[Row]] = {
        "Property": list(_properties(product).items()),
        "Directory": [*_folders(), *tree.directories],
        "Component": components,
        "Feature": [("Ankong", None, product.name, None, 0, 1, "INSTALLDIR", 24)],
        "FeatureComponents": [("Ankong", str(component[0])) for component in components],
        "File": tree.files,
        "Media": [(1, len(tree.files), None, f"#{CABINET}", None, None)],
        "Icon": [(ICON, ICON)],
        "Shortcut": [_shortcut(product, tree.keys[WINDOWED])],
        "ServiceInstall": [msi_service.install(product.facts, _component(tree, PROGRAM))],
        "ServiceControl": msi_service.control(product.facts, _component(tree, PROGRAM)),
        "Registry": list(_registry(product)),
        "AppSearch": [(f"WAS_{name}", f"Was{name}") for name, _ in _remembered(product)],
        "RegLocator": [
            (f"Was{name}", _LOCAL_MACHINE, OWN_KEY, value, _RAW_64_BIT)
            for name, value in _remembered(product)
        ],
        "Upgrade": _upgrades(product),
        "LaunchCondition": list(_conditions(product)),
        **_actions(product, tree.keys[PROGRAM]),
    }
    made["AppSearch"].append(("WINDOWSMAJOR", "Major"))
    windows = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    locator = ("Major", _LOCAL_MACHINE, windows, "CurrentMajorVersionNumber", _RAW_64_BIT)
    made["RegLocator"].append(locator)
    return made, tree.order


# Files.


def _folders() -> list[Row]:
    return [
        ("TARGETDIR", None, "SourceDir"),
        ("ProgramFiles64Folder", "TARGETDIR", "."),
        ("INSTALLDIR", "ProgramFiles64Folder", "Ankong"),
        ("ProgramMenuFolder", "TARGETDIR", "."),
        ("WindowsFolder", "TARGETDIR", "."),
        ("System64Folder", "TARGETDIR", "."),
    ]


def _tree(product: Product) -> _Tree:
    """List the frozen folder; a component for each file, so that a repair misses none."""
    tree = _Tree()
    known: dict[PurePosixPath, str] = {PurePosixPath(): "INSTALLDIR"}
    for path in sorted(product.program.rglob("*")):
        inside = PurePosixPath(path.relative_to(product.program).as_posix())
        if not inside.as_posix().isascii():
            raise SetupError(f"a file's name is not plain ASCII: {inside}")
        parent = known[inside.parent]
        if path.is_dir():
            known[inside] = f"d{len(known)}"
            name = _both_names(inside.name, len(known))
            tree.directories.append((known[inside], parent, name))
            continue
        number = len(tree.files) + 1
        key = tree.keys[inside.as_posix()] = f"f{number}"
        component = f"c{number}"
        guid = product.identifier("file", inside.as_posix())
        tree.components.append((component, guid, parent, _COMPONENT_64_BIT, None, key))
        name = _both_names(inside.name, number)
        size = path.stat().st_size
        tree.files.append((key, component, name, size, None, None, None, number))
        tree.order.append((key, path))
    if not {PROGRAM, WINDOWED} <= tree.keys.keys():
        raise SetupError(f"{product.program} has no {PROGRAM} and {WINDOWED}")
    return tree


def _both_names(name: str, number: int) -> str:
    """Return a name with a short one before it, where it is not as short as DOS had them."""
    if _SHORT.match(name.upper()):
        return name
    ending = re.sub(r"[^A-Z0-9]", "", PurePosixPath(name).suffix.upper())[:3]
    return f"{number:07X}~{'.' if ending else ''}{ending}|{name}"


def _component(tree: _Tree, file: str) -> str:
    """Return the key of the component of a file at the top of the folder."""
    return f"c{tree.keys[file][1:]}"


def _shortcut(product: Product, windowed: str) -> Row:
    component = f"c{windowed[1:]}"
    name = f"ANKONG|{product.name}"
    target = (component, f"[#{windowed}]", None, None, None)
    return ("Menu", "ProgramMenuFolder", name, *target, ICON, 0, None, "INSTALLDIR")


# What else there is of ours.


def _own_components(product: Product) -> list[Row]:
    """Return the components without files: registry values.

    None has the folder of policy and certificates. Windows Installer gives what a user planted
    there, or whatever a link of theirs leads to, the security of a row; the program looks first.
    """

    def component(name: str, key: str, condition: str | None, *marks: int) -> Row:
        attributes = sum((_COMPONENT_64_BIT, _BY_REGISTRY, *marks))
        code = product.identifier("component", name)
        return (name, code, "INSTALLDIR", attributes, condition, key)

    return [
        component("Facts", "Version", None),
        # Whatever was chosen meanwhile, it goes with the program.
        component("Start", "Start", 'AUTOSTART = "1" OR REMOVE ~= "ALL"', _AGAIN),
    ]


def _registry(product: Product) -> Iterator[Row]:
    def value(key: str, name: str, text: str, component: str) -> Row:
        return (key, _LOCAL_MACHINE, OWN_KEY, name, text, component)

    yield value("Version", "Version", product.numbers, "Facts")
    yield value("Scope", "Scope", "machine", "Facts")
    for name, kept in _remembered(product):
        yield value(kept, kept, f"[{name}]", "Facts")
    source = ("EventMessageFile", f"#%{EVENT_MESSAGES}"), ("TypesSupported", "#7")  # all three
    for name, text in source:
        yield (name, _LOCAL_MACHINE, EVENT_SOURCE, name, text, "Facts")
    line = f'"[INSTALLDIR]{WINDOWED}" tray'
    yield ("Start", _LOCAL_MACHINE, RUN_KEY, "Ankong", line, "Start")


def _properties(product: Product) -> dict[str, str]:
    return {
        "ProductName": product.name,
        "ProductCode": product.code,
        "ProductVersion": product.numbers,
        "ProductLanguage": str(product.facts["language"]),
        "Manufacturer": product.publisher,
        "UpgradeCode": braced(uuid.UUID(product.facts["upgrade_code"])),
        "ALLUSERS": "1",
        "ARPNOMODIFY": "1",
        "ARPPRODUCTICON": ICON,
        # An upgrade and a repair put every file back, whatever its time says.
        "REINSTALLMODE": "amus",
        # None of ours: what a user without rights may hand over to an installation that Windows
        # does for them as SYSTEM must not name a folder, a file or a program.
        "SecureCustomProperties": "NEWER;OLDER",
    }


def _remembered(product: Product) -> list[tuple[str, str]]:
    """Return each property that is remembered, and the name of its registry value."""
    properties = product.facts["properties"].items()
    return [(name, facts["remembered"]) for name, facts in properties if "remembered" in facts]


def _upgrades(product: Product) -> list[Row]:
    code = braced(uuid.UUID(product.facts["upgrade_code"]))
    return [
        (code, None, product.numbers, None, 0, None, "OLDER"),
        (code, product.numbers, None, None, _ONLY_DETECT, None, "NEWER"),
    ]


def _conditions(product: Product) -> Iterator[Row]:
    """Yield what has to hold before anything is changed, and what is said otherwise."""
    yield ("Installed OR NOT NEWER", product.message("newer"))
    yield ("Installed OR WINDOWSMAJOR", product.message("old_windows"))
    for name, facts in product.facts["properties"].items():
        if "values" in facts:
            # Whatever somebody wrote into the registry, it can be uninstalled.
            allowed = " OR ".join(
                (*(f'{name} = "{value}"' for value in facts["values"]), 'REMOVE ~= "ALL"')
            )
            values = ", ".join(facts["values"])
            yield (allowed, product.message("value", name=name, values=values))
        if facts.get("below_programs"):
            # What runs as SYSTEM lies there: where users may write, one of them would be it.
            inside = f'{name} ~<< ProgramFiles64Folder AND NOT {name} >< ".."'
            allowed = f'NOT {name} OR ({inside}) OR REMOVE ~= "ALL"'
            yield (allowed, product.message("elsewhere", name=name))
        if facts.get("path"):
            whole = f'NOT {name} OR {name} >< ":\\" OR {name} << "\\\\"'
            yield (whole, product.message("relative", name=name))


# What is done, and when.


@dataclass(frozen=True)
class _Action:
    """An action of ours: when it runs, under which condition, and what it is."""

    name: str
    when: int
    condition: str | None
    kind: int
    source: str | None
    target: str


def _actions(product: Product, program: str) -> dict[str, list[Row]]:
    settings = list(_settings(product))
    calls = [*_deeds(program), *_recovery(product)]
    deeds = [*settings, *calls]
    chosen = [(each.name, each.condition, each.when) for each in settings]
    done = [(each.name, each.condition, each.when) for each in calls]
    services = [(name, when, _STEPS[name]) for name, when in msi_service.CONDITIONS.items()]
    costs = _steps("CostInitialize", "FileCost", "CostFinalize")
    begin = [*_steps("FindRelatedProducts", "AppSearch", "LaunchConditions"), *costs]
    ask = _steps("ExecuteAction")
    frame = _steps("InstallValidate", "InstallInitialize", "InstallFinalize")
    # What a group policy writes down when it assigns the program.
    offer = _steps("CreateShortcuts", "PublishFeatures", "PublishProduct")
    image = _steps("InstallAdminPackage", "InstallFiles")
    return {
        "CustomAction": [(each.name, each.kind, each.source, each.target) for each in deeds],
        "InstallExecuteSequence": _in_order(
            [*begin, *chosen, *_steps(*_WORK), *services, *frame, *done]
        ),
        "InstallUISequence": _in_order([*begin, *chosen, *ask]),
        "AdminExecuteSequence": _in_order([*costs, *frame, *image]),
        "AdminUISequence": _in_order([*costs, *ask]),
        "AdvtExecuteSequence": _in_order([costs[0], costs[2], *frame, *offer]),
    }


def _steps(*names: str) -> list[Row]:
    return [(name, None, _STEPS[name]) for name in names]


def _in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: int(row[2] or 0))


def _settings(product: Product) -> Iterator[_Action]:
    """Yield what gives a property its value: what was given, else remembered, else the default.

    AppSearch itself would replace what was given, so it searches into properties of its own.
    """
    when = 60
    for name, facts in product.facts["properties"].items():
        if "remembered" in facts:
            condition = f"WAS_{name} AND NOT {name}"
            yield _Action(f"Keep{name}", when, condition, _SET_PROPERTY, name, f"[WAS_{name}]")
        if "default" in facts:
            wanted = f"NOT {name}"
            default = facts["default"]
            yield _Action(f"Default{name}", when + 1, wanted, _SET_PROPERTY, name, default)
        when += 2


def _deeds(program: str) -> Iterator[_Action]:
    """Yield what the program is called for."""
    ours, as_system = _PROGRAM_OF_OURS, _AS_SYSTEM
    trusts, left = 'TRUST = "machine"', 'TRUST = "none"'
    check = f"POLICY AND {_STAYS}"
    yield _Action("CheckPolicy", 4010, check, ours + as_system, program, 'policy check "[POLICY]"')
    # A version that was there before keeps its certificate when the new one fails.
    first = f"({trusts} OR {left} AND AUTHORITY) AND NOT Installed AND NOT OLDER"
    undo = "setup machine --undo"
    back = ours + as_system + _AT_ROLLBACK
    yield _Action("TrustBack", 5010, first, back, program, undo)
    again = f"{trusts} AND NOT AUTHORITY AND {_STAYS}"
    yield _Action("Trust", 5020, again, ours + as_system, program, "setup machine")
    given = f"{trusts} AND AUTHORITY AND {_STAYS}"
    theirs = 'setup machine --authority "[AUTHORITY]"'
    yield _Action("TrustTheirs", 5030, given, ours + as_system, program, theirs)
    served = f"{left} AND AUTHORITY AND {_STAYS}"
    placed = f"{theirs} --no-trust"
    yield _Action("TrustPlaced", 5040, served, ours + as_system, program, placed)
    # A program that is too broken for this shall be removed all the same.
    last = f"({trusts} OR {left}) AND {_LAST}"
    yield _Action("TrustNoMore", 2500, last, ours + as_system + _GO_ON, program, undo)
    # Another choice than before: what the earlier one put there for all users goes.
    gone = f'WAS_TRUST = "machine" AND (TRUST = "user" OR ({left} AND NOT AUTHORITY))'
    otherwise = f'(({gone}) OR (WAS_TRUST = "none" AND TRUST = "user")) AND {_STAYS}'
    yield _Action("TrustDropped", 6490, otherwise, ours + as_system, program, undo)
    # Last: nothing fails after it. It judges the very octets that it puts there: the file may be
    # another one by now. They stay when the program goes: they are the administrator's, and other
    # copies obey them, too.
    put = 'policy check --put "[POLICY]"'
    yield _Action("PutPolicy", 6500, check, ours + as_system, program, put)
    # By the desktop, which runs it with the user's own rights; SYSTEM has no desktop.
    start = f'[WindowsFolder]explorer.exe "[INSTALLDIR]{WINDOWED}"'
    now = f'STARTNOW = "1" AND {_STAYS} AND UserSID <> "{_SYSTEM}"'
    yield _Action("StartNow", 6700, now, _OTHER_PROGRAM + _NOT_WAITED_FOR, "WindowsFolder", start)


def _recovery(product: Product) -> Iterator[_Action]:
    """Yield what has Windows start the service again when it fails.

    By Windows' own ``sc.exe``, as Microsoft advises: the table that Windows Installer has for it,
    MsiServiceConfigFailureActions, "is not working as expected" (reference of its action
    MsiConfigureServices). A service without it is better than none.
    """
    kind = _OTHER_PROGRAM + _AS_SYSTEM + _GO_ON
    for number, words in enumerate(msi_service.recovery(product.facts)):
        line = f'"[System64Folder]sc.exe" {words}'
        when = 5810 + number
        wanted = f"({msi_service.WANTED}) AND {_STAYS}"
        yield _Action(f"Recovery{number}", when, wanted, kind, "System64Folder", line)

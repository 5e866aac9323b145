"""The MSI's tables keep Windows Installer's rules and say what msi.toml says; nothing is packed."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from devkit.shell import ROOT, SetupError
from windows.build import msi, msi_tables
from windows.build.msi_columns import COLUMNS, Row
from windows.build.msi_tables import Product

from agent.commands.porter import SERVICE
from agent.host.events import EVENTS, SOURCE_NAME
from agent.host.porter.service_log import NUMBER as PORTER_EVENT

FACTS: dict[str, Any] = tomllib.loads(msi.FACTS.read_text("utf-8"))
PAGES = {
    "zh-TW": ROOT / "installer" / "windows" / "ADMIN.zh-TW.md",
    "en-US": ROOT / "installer" / "windows" / "ADMIN.md",
}
IN_SCRIPT, AS_SYSTEM = 0x400, 0x800
Tables = dict[str, list[Row]]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    for name in (
        *(
            "ankong.exe",
            "ankongw.exe",
            "_internal/Long name one.dll",
            "_internal/long name two.dll",
        ),
        *("_internal/deep/a.b.txt", "_internal/short.txt"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def product(program: Path) -> Product:
    return msi.product_of(program, "1.2.3")


@pytest.fixture
def tables(product: Product) -> Tables:
    return msi_tables.tables(product)[0]


def test_rows_have_the_columns_of_their_tables(tables: Tables) -> None:
    for name, rows in tables.items():
        keys, columns = COLUMNS[name]
        assert rows, name
        assert len({row[:keys] for row in rows}) == len(rows), f"{name}: a key twice"
        for row in rows:
            for value, column in zip(row, columns, strict=True):
                letter, width = column.rpartition(":")[2][0], int(column.rpartition(":")[2][1:])
                assert value is not None or letter.isupper(), f"{name}: {column} {row}"
                fits = width == 0 or letter in "iI" or len(str(value)) <= width
                assert value is None or fits, f"{name}: {column} {row}"


def test_every_file_is_a_component_with_two_names_in_the_order_of_the_cabinet(
    product: Product,
) -> None:
    tables, order = msi_tables.tables(product)
    assert [row[0] for row in tables["File"]] == [key for key, _ in order]
    assert [row[7] for row in tables["File"]] == list(range(1, 7))
    assert tables["Media"][0][1] == 6
    by_component = {row[0]: row for row in tables["Component"]}
    for row in tables["File"]:
        assert by_component[row[1]][5] == row[0]
    folders = [(by_component[row[1]][2], str(row[2]).partition("|")[0]) for row in tables["File"]]
    assert len(set(folders)) == 6
    for _, short in folders:
        assert re.fullmatch(r"[\w~-]{1,8}(\.[\w~-]{1,3})?", short), short


def test_an_identifier_is_the_same_for_the_same_version_and_no_other(program: Path) -> None:
    assert FACTS["upgrade_code"] == "9f530c72-cab9-4351-9c11-d0b4cbbf03d8", "it is for ever"
    assert FACTS["namespace"] == "294114f2-fdb2-4bd9-81f6-15fc84db6dae"
    first, second = (msi.product_of(program, version) for version in ("0.1.0", "0.2.0"))
    assert first.code == "{08132FB8-EB47-564F-A515-4796997DB222}"
    assert second.code != first.code
    one, another = (msi_tables.tables(each)[0]["Component"] for each in (first, second))
    assert one == another, "a file is the same component in every version"


def test_nobody_without_rights_hands_over_a_path(tables: Tables) -> None:
    properties = dict(tables["Property"])
    assert properties["SecureCustomProperties"] == "NEWER;OLDER"
    assert properties["ALLUSERS"] == "1"


def test_nothing_is_done_where_users_may_plant_but_by_the_program(tables: Tables) -> None:
    """It looks whose a folder is; Windows Installer and its shell follow whatever lies there."""
    assert "CommonAppDataFolder" not in {row[0] for row in tables["Directory"]}
    assert not {"CreateFolder", "LockPermissions", "MsiLockPermissionsEx"} & tables.keys()
    for name, kind, source, target in tables["CustomAction"]:
        if int(kind or 0) & AS_SYSTEM and str(target).startswith('"[System64Folder]sc.exe" '):
            assert (int(kind or 0) & 0x3F, source) == (34, "System64Folder"), name
        elif int(kind or 0) & AS_SYSTEM:
            assert int(kind or 0) & 0x3F == 18, f"{name}: no program of ours"
            assert str(source).startswith("f"), name
            assert "cmd" not in str(target), name


def test_what_runs_as_system_lies_where_users_cannot_write(tables: Tables) -> None:
    (condition,) = [
        str(row[0]) for row in tables["LaunchCondition"] if "ProgramFiles64Folder" in str(row[0])
    ]
    assert condition == (
        "NOT INSTALLDIR OR (INSTALLDIR ~<< ProgramFiles64Folder"
        ' AND NOT INSTALLDIR >< "..") OR REMOVE ~= "ALL"'
    )


def test_what_is_called_runs_within_the_transaction_as_system_and_is_undone(
    tables: Tables,
) -> None:
    sequence = {row[0]: (row[1], row[2]) for row in tables["InstallExecuteSequence"]}
    kinds = {row[0]: int(row[1] or 0) for row in tables["CustomAction"]}
    deeds = {name: kind for name, kind in kinds.items() if kind & IN_SCRIPT}
    assert set(deeds) == {
        *("CheckPolicy", "PutPolicy"),
        *("Trust", "TrustTheirs", "TrustBack", "TrustNoMore", "TrustPlaced", "TrustDropped"),
        *("Recovery0", "Recovery1"),
    }
    begin, end = (int(sequence[name][1] or 0) for name in ("InstallInitialize", "InstallFinalize"))
    for name, kind in deeds.items():
        assert kind & AS_SYSTEM, name
        assert begin < int(sequence[name][1] or 0) < end, name
    assert int(sequence["TrustBack"][1] or 0) < int(sequence["Trust"][1] or 0)
    assert "NOT UPGRADINGPRODUCTCODE" in str(sequence["TrustNoMore"][0])
    assert "NOT OLDER" in str(sequence["TrustBack"][0])
    assert {name for name in sequence if name not in msi_tables._STEPS} == set(kinds)


def holds(condition: object, **properties: str | int) -> bool:
    """Judge a condition of Windows Installer; a text that is not set is empty."""
    words = {"AND": "and", "OR": "or", "NOT": "not", "=": "==", "~=": "==", "<>": "!=", ">": ">"}
    parts = re.findall(r'"[^"]*"|~=|<>|=|>|\w+|[()]', str(condition))
    assert "".join(parts) == str(condition).replace(" ", "")
    judged = (
        words.get(each)
        or (each if each[0] in '"()' or each.isdecimal() else repr(properties.get(each, "")))
        for each in parts
    )
    return bool(eval(" ".join(judged), {}))  # noqa: S307  # our own condition


@pytest.mark.parametrize(
    ("before", "now", "authority", "goes"),
    [
        *(("machine", "user", "", True), ("machine", "none", "", True)),
        *(("machine", "none", "C:\\ladder", False), ("machine", "machine", "", False)),
        *(("none", "user", "", True), ("none", "none", "", False), ("none", "machine", "", False)),
        *(("user", "none", "", False), ("user", "user", "", False), ("", "user", "", False)),
    ],
)
def test_another_choice_of_trust_leaves_nothing_of_the_earlier_one(
    tables: Tables, before: str, now: str, authority: str, goes: bool
) -> None:
    """An organisation's certificates, too: uninstalling with TRUST=user looks for none."""
    (dropped,) = (row for row in tables["InstallExecuteSequence"] if row[0] == "TrustDropped")
    chosen = {"WAS_TRUST": before, "TRUST": now, "AUTHORITY": authority}
    assert holds(dropped[1], **chosen) is goes
    assert not holds(dropped[1], **chosen, REMOVE="ALL")


def test_the_porters_service_is_the_program_and_runs_as_the_system(tables: Tables) -> None:
    (row,) = tables["ServiceInstall"]
    names = [column.partition(":")[0] for column in COLUMNS["ServiceInstall"][1]]
    service = dict(zip(names, row, strict=True))
    assert service["Name"] == SERVICE == "AnkongPorter"
    assert service["Arguments"] == "porter --service"
    assert (service["StartType"], service["ServiceType"]) == (2, 0x10), "automatic, its own process"
    for name in ("StartName", "Password", "Dependencies", "LoadOrderGroup"):
        assert service[name] is None, name
    component = next(each for each in tables["Component"] if each[0] == service["Component_"])
    file = next(each for each in tables["File"] if each[0] == component[5])
    assert str(file[2]).rpartition("|")[2] == "ankong.exe"
    assert component[4] is None, "every installation has the program"


def test_the_porters_service_stops_before_files_are_replaced_and_goes_with_them(
    tables: Tables,
) -> None:
    when = {row[0]: int(row[2] or 0) for row in tables["InstallExecuteSequence"]}
    asked = {row[0]: row[1] for row in tables["InstallExecuteSequence"]}
    steps = ("StopServices", "DeleteServices", "RemoveFiles", "InstallFiles", "InstallServices")
    assert sorted(steps, key=lambda name: when[name]) == list(steps)
    assert when["InstallServices"] < when["Recovery0"] < when["StartServices"]
    assert asked["StopServices"] is None
    events = {row[0]: (row[1], row[2]) for row in tables["ServiceControl"]}
    assert events["PorterEnds"] == ("AnkongPorter", 2 + 8 + 0x20 + 0x80)
    assert events["PorterStarts"] == ("AnkongPorter", 1)
    assert {row[5] for row in tables["ServiceControl"]} == {tables["ServiceInstall"][0][11]}
    assert "UPGRADINGPRODUCTCODE" in str(asked["DeleteServices"]), "the later version has it, too"
    lines = [str(row[3]) for row in tables["CustomAction"] if str(row[0]).startswith("Recovery")]
    assert all(" AnkongPorter " in line for line in lines)


HOST, DESKTOP = {"MsiNTProductType": 3, "TerminalServer": 1}, {"MsiNTProductType": 1}
ADMINISTERED = {"MsiNTProductType": 3, "TerminalServer": 1, "RemoteAdminTS": 1}


@pytest.mark.parametrize(
    ("porter", "windows", "wanted"),
    [
        *(("1", DESKTOP, True), ("0", HOST, False), ("auto", HOST, True)),
        *(("auto", ADMINISTERED, False), ("auto", DESKTOP, False)),
        ("auto", {**DESKTOP, "TerminalServer": 1}, False),  # no server
    ],
)
def test_the_porters_service_is_there_where_it_is_wanted_until_the_program_goes(
    tables: Tables, porter: str, windows: dict[str, int], wanted: bool
) -> None:
    asked = {row[0]: row[1] for row in tables["InstallExecuteSequence"]}
    now: dict[str, str | int] = {"PORTER": porter, **windows}
    for name in ("InstallServices", "StartServices", "Recovery0", "Recovery1"):
        assert holds(asked[name], **now) is wanted, name
    assert holds(asked["DeleteServices"], **now) is not wanted
    assert holds(asked["DeleteServices"], **now, REMOVE="ALL")
    assert not holds(asked["Recovery0"], **now, REMOVE="ALL")
    upgraded: dict[str, str | int] = {**now, "REMOVE": "ALL", "UPGRADINGPRODUCTCODE": "{NEW}"}
    assert not holds(asked["DeleteServices"], **upgraded), "the later version decides"


def test_the_viewer_of_events_finds_words_for_each_of_ours(tables: Tables) -> None:
    rows = {str(row[3]): row for row in tables["Registry"] if "EventLog" in str(row[2])}
    assert {str(row[2]).rpartition("\\")[2] for row in rows.values()} == {SOURCE_NAME}
    # "#%" begins a text with variables; the file has words for the ids 1 to 1000.
    assert rows["EventMessageFile"][4] == r"#%%SystemRoot%\System32\EventCreate.exe"
    assert {*(event.number for event in EVENTS), PORTER_EVENT} <= set(range(1, 1001))
    assert {row[5] for row in rows.values()} == {"Facts"}, "it goes with the program"


def test_the_program_is_started_by_the_desktop_and_never_by_system(tables: Tables) -> None:
    sequence = {row[0]: str(row[1]) for row in tables["InstallExecuteSequence"]}
    assert 'UserSID <> "S-1-5-18"' in sequence["StartNow"]
    target = next(str(row[3]) for row in tables["CustomAction"] if row[0] == "StartNow")
    assert target.startswith("[WindowsFolder]explorer.exe ")


@pytest.mark.parametrize("name", ["安控.dll"])
def test_a_name_that_is_not_ascii_stops_the_build(product: Product, name: str) -> None:
    (product.program / name).touch()
    with pytest.raises(SetupError, match="安控"):
        msi_tables.tables(product)


def test_a_folder_without_the_program_stops_the_build(product: Product) -> None:
    (product.program / "ankongw.exe").unlink()
    with pytest.raises(SetupError, match=r"ankongw\.exe"):
        msi_tables.tables(product)


def test_a_message_that_windows_would_cut_stops_the_build(product: Product) -> None:
    with pytest.raises(SetupError, match="255"):
        product.message("value", name="x" * 200, values="y" * 100)


def test_a_value_that_would_end_its_line_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="line end"):
        msi._write_table("FeatureComponents", [("Ankong", "a\nb")], tmp_path)
    file = msi._write_table("FeatureComponents", [("Ankong", None)], tmp_path)
    assert file.read_bytes().splitlines() == [
        b"Feature_\tComponent_",
        b"s38\ts72",
        b"FeatureComponents\tFeature_\tComponent_",
        b"Ankong\t",
    ]


@pytest.mark.parametrize("tag", PAGES)
def test_the_administrators_page_says_every_property_as_it_is(tag: str) -> None:
    text = PAGES[tag].read_text("utf-8")
    rows = re.findall(r"^\| `([A-Z]+)` \| (.*?) \| (.*?) \|", text, re.MULTILINE)
    assert [name for name, _, _ in rows] == list(FACTS["properties"])
    for name, default, meaning in rows:
        facts = FACTS["properties"][name]
        assert default == (f"`{facts['default']}`" if "default" in facts else "–"), name
        assert meaning.replace("`", "").startswith(facts[tag]), name


def test_both_pages_of_the_administrator_have_the_same_lines_to_type() -> None:
    chinese, english = (
        re.findall(r"^```.*?^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        for page in PAGES.values()
    )
    assert chinese == english

"""The templates for administrators: whole, of the reader's own names, and what is committed."""

import os
import plistlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from devkit.admin import admx, mobileconfig, policy_templates

from agent.host.settings import registry_policy
from agent.host.settings.managed_policy import PROFILE_DOMAIN, REGISTRY_KEY
from agent.host.settings.policy import Policy
from agent.host.settings.policy_rules import BY_NAME, RULES, RuleKind
from tests.unit.host.policy_support import DWORD, SZ, LocalMachine, Values

ROOT = Path(__file__).resolve().parents[2]
WINDOWS = ROOT / "installer" / "windows" / "policy"
LANGUAGES = ("en-US", "zh-TW")
NS = {"d": admx.NAMESPACE}
POLICY_ORDER = ["parentCategory", "supportedOn", "enabledValue", "disabledValue", "elements"]
BOXES = {
    "decimal": "decimalTextBox",
    "enum": "dropdownList",
    "list": "listBox",
    "text": "textBox",
}


def faults(definitions: str, *resources: str) -> list[str]:
    """Return what is wrong with a template and its texts; each string begins with what it is."""
    return [*_of_definitions(fromstring(definitions)), *_of_texts(definitions, resources)]


def _tag(element: Element) -> str:
    return element.tag.partition("}")[2]


def _of_texts(definitions: str, resources: tuple[str, ...]) -> Iterator[str]:
    """Compare what is referred to with what each language has."""
    found = re.findall(r"\$\((string|presentation)\.(\w+)\)", definitions)
    wanted = {kind: {name for each, name in found if each == kind} for kind in dict(found)}
    elements = {each.get("id"): _tag(each) for each in fromstring(definitions).findall(".//*[@id]")}
    for text in resources:
        root = fromstring(text)
        for kind, names in wanted.items():
            there = [each.get("id") for each in root.findall(f".//d:{kind}", NS)]
            yield from (f"twice: {each}" for each in set(there) if there.count(each) > 1)
            yield from (f"missing: {kind} {each}" for each in names - set(there))
            yield from (f"left over: {kind} {each}" for each in set(there) - names)
        yield from (
            f"no text: {s.get('id')}" for s in root.findall(".//d:string", NS) if not s.text
        )
        boxes = {each.get("refId"): _tag(each) for each in root.findall(".//*[@refId]")}
        expected = {name: BOXES[tag] for name, tag in elements.items()}
        yield from (f"refId: {each}" for each in boxes.items() ^ expected.items())


def _of_definitions(root: Element) -> Iterator[str]:
    """Compare the template with the reader's table."""
    policies = root.findall("d:policies/d:policy", NS)
    names = [str(each.get("name")) for each in policies]
    yield from (f"rules: {each}" for each in set(names) ^ set(BY_NAME))
    if len(names) != len(set(names)):
        yield "rules: one twice"
    known = {each.get("name") for each in root.findall(".//d:definition", NS)}
    used = {each.get("ref") for each in root.findall(".//d:policy/d:supportedOn", NS)}
    yield from (f"supportedOn: {each}" for each in known ^ used)
    yield from ("foreign" for _ in root.findall(".//d:using", NS))
    for policy in policies:
        name = str(policy.get("name"))
        if name in BY_NAME:
            yield from (f"{name}: {each}" for each in _of_policy(policy, name))


def _of_policy(policy: Element, name: str) -> Iterator[str]:
    rule = BY_NAME[name]
    if (policy.get("class"), policy.get("key")) != ("Machine", REGISTRY_KEY):
        yield "key"
    order = [_tag(each) for each in policy]
    if order != [each for each in POLICY_ORDER if each in order]:
        yield "order"
    own = rule.kind is RuleKind.BOOL or rule.kind.is_list
    if policy.get("valueName") != (name if own else None):
        yield "value name"
    elements = list(policy.findall("d:elements/*", NS))
    if (len(elements), policy.get("presentation") is None) != (
        (0, True) if rule.kind is RuleKind.BOOL else (1, False)
    ):
        yield "elements"
    for element in elements:
        bounds = {key: value for key, value in element.attrib.items() if key != "required"}
        if bounds != _bounds(name) or element.get("required", "true") != "true":
            yield f"bounds {bounds}"
        choices = tuple(each.text for each in element.findall("d:item/d:value/d:string", NS))
        if choices != rule.choices:
            yield "choices"


def _bounds(name: str) -> dict[str, str]:
    """Return the attributes that the element of a rule must have."""
    rule = BY_NAME[name]
    own = {"id": name, "valueName": name}
    in_key = {"id": name, "key": f"{REGISTRY_KEY}\\{name}"}
    return {
        RuleKind.NUMBER: {**own, "minValue": str(rule.least), "maxValue": str(rule.most)},
        RuleKind.TEXT: {**own, "maxLength": str(rule.longest)},
        RuleKind.CHOICE: own,
        RuleKind.TEXTS: {**in_key, "valuePrefix": ""},
        RuleKind.NUMBERS: {**in_key, "valuePrefix": ""},
        RuleKind.NAMED: {**in_key, "explicitValue": "true"},
    }[rule.kind]


def committed() -> tuple[str, ...]:
    texts = [(WINDOWS / language / "Ankong.adml").read_text("utf-8") for language in LANGUAGES]
    return (WINDOWS / "Ankong.admx").read_text("utf-8"), *texts


def test_what_is_committed_is_what_is_made() -> None:
    for path, text in policy_templates.written(ROOT).items():
        assert path.read_text("utf-8") == text, f"python installer/dev.py docs: {path}"


def test_nothing_is_wrong_with_the_templates() -> None:
    assert faults(*committed()) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (0, "$(string.allowed)", "$(string.alowed)", "missing: string alowed"),
        (0, 'maxLength="80"', 'maxLength="81"', "consent_text: bounds"),
        (0, 'maxValue="65535"', 'maxValue="65536"', "port: bounds"),
        (0, 'key="Software\\Policies\\Ankong\\allowed"', 'key="Software\\A"', "allowed: bounds"),
        (0, 'valueName="page_pin"', 'valueName="pin"', "page_pin: value name"),
        (0, '<policy name="mca" class="Machine"', '<policy name="mca" class="User"', "mca: key"),
        (0, '<policy name="mca"', '<policy name="mcb"', "rules: mca"),
        (0, "<string>deny</string>", "<string>no</string>", "blind_signatures: choices"),
        (0, 'ref="since_0_1_0"', 'ref="windows:SUPPORTED_10"', "supportedOn"),
        (1, '<string id="port">', '<string id="prt">', "left over: string prt"),
        (2, '<string id="port">', '<string id="port_help">', "twice: port_help"),
        (2, 'refId="port"', 'refId="ports"', "refId"),
        (2, '<presentation id="port">', '<presentation id="p">', "left over: presentation p"),
    ],
)
def test_a_spoilt_template_is_told(file: int, old: str, new: str, told: str) -> None:
    texts = list(committed())
    assert old in texts[file]
    texts[file] = texts[file].replace(old, new)
    assert any(each.startswith(told) for each in faults(*texts))


def _written(policy: Element, *, enabled: bool, value: Any) -> dict[str, Values]:
    """Return what the editor of group policies writes for a state of a policy, by key."""
    key, name = str(policy.get("key")), str(policy.get("valueName"))
    keys: dict[str, Values] = {key: {}}
    own = policy.find(f"d:{'enabled' if enabled else 'disabled'}Value/*", NS)
    if own is not None:
        number = own.get("value")
        keys[key][name] = (str(own.text), SZ) if number is None else (int(number), DWORD)
    element = policy.find("d:elements/*", NS)
    if element is None or not enabled:
        return keys
    if _tag(element) != "list":
        kind = DWORD if _tag(element) == "decimal" else SZ
        keys[key][str(element.get("valueName"))] = value, kind
    elif element.get("explicitValue") == "true":
        keys[str(element.get("key"))] = {each["name"]: (each["path"], SZ) for each in value}
    else:
        numbered = {str(at): (str(each), SZ) for at, each in enumerate(value, 1)}
        keys[str(element.get("key"))] = numbered
    return keys


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_the_template_writes_is_what_the_reader_reads(rule: Any) -> None:
    root = fromstring(committed()[0])
    policy = root.find(f".//d:policy[@name='{rule.name}']", NS)
    value = True if rule.kind is RuleKind.BOOL else rule.example
    keys = _written(policy, enabled=True, value=value)
    found = registry_policy.read(LocalMachine(keys))
    assert found is not None
    assert found.table == {rule.name: value}
    assert Policy.managed(found).problem is None
    found = registry_policy.read(LocalMachine(_written(policy, enabled=False, value=value)))
    disabled = {RuleKind.BOOL: False} | {kind: [] for kind in RuleKind if kind.is_list}
    assert (found and found.table) == ({rule.name: disabled[rule.kind]} if found else None)
    assert (found is None) == (rule.kind not in disabled)


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_of_the_language(language: str) -> None:
    text = (WINDOWS / language / "Ankong.adml").read_text("utf-8")
    assert bool(re.search("[\u4e00-\u9fff]", text)) == (language == "zh-TW")


@pytest.mark.skipif("ANKONG_ADMX_XSD" not in os.environ, reason="needs Microsoft's schema")
def test_the_schema_takes_the_templates() -> None:
    schema = pytest.importorskip("xmlschema").XMLSchema(
        str(Path(os.environ["ANKONG_ADMX_XSD"]) / "PolicyDefinitionFiles.xsd")
    )
    for text in committed():
        schema.validate(text)


def test_the_profile_lays_one_harmless_rule_down_and_offers_all_others(tmp_path: Path) -> None:
    text = (ROOT / "installer/macos/policy/Ankong.mobileconfig").read_text("utf-8")
    (payload,) = plistlib.loads(text.encode())["PayloadContent"]
    assert payload["PayloadType"] == PROFILE_DOMAIN
    assert {name for name in payload if not name.startswith("Payload")} == {mobileconfig.HARMLESS}
    whole = re.sub(r"<!-- .*|-->", "", text)
    (payload,) = plistlib.loads(whole.encode())["PayloadContent"]
    rules = {name: each for name, each in payload.items() if not name.startswith("Payload")}
    assert rules == {rule.name: rule.example for rule in RULES}
    assert Policy.understand(tmp_path, rules).problem is None


def test_the_file_lays_nothing_down_until_a_rule_is_taken_out_of_its_comment(
    tmp_path: Path,
) -> None:
    text = (ROOT / "installer/linux/policy/policy.toml").read_text("utf-8")
    assert tomllib.loads(text) == {}
    rules = tomllib.loads(re.sub("^# ", "", text, flags=re.MULTILINE))
    assert rules == {rule.name: rule.example for rule in RULES}
    assert Policy.understand(tmp_path, rules).problem is None

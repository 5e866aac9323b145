"""Templates for group policies: ``Ankong.admx``, and its texts in a language, ``Ankong.adml``.

[MS-GPREG] defines the form. A list has a value of its own name beside its subkey, so that an
enabled policy with a list can be told from a disabled one, which lays the empty list down (see
``agent.host.settings.registry_policy``).
"""

import re
from collections.abc import Iterator
from locale import windows_locale
from xml.etree import ElementTree as ET

from agent.host.settings.managed_policy import REGISTRY_KEY
from agent.host.settings.policy_rules import RULES, PolicyRule, RuleKind
from agent.host.settings.registry_policy import NO_ENTRIES, WITH_ENTRIES
from agent.words import Language, say

NAMESPACE = "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions"
CATEGORY = "Ankong"
_VERSIONS = {"revision": "1.0", "schemaVersion": "1.0"}


def definitions() -> str:
    """Return the text of ``Ankong.admx``."""
    root = ET.Element("policyDefinitions", {"xmlns": NAMESPACE, **_VERSIONS})
    namespaces = ET.SubElement(root, "policyNamespaces")
    ET.SubElement(namespaces, "target", prefix="ankong", namespace="Ankong.Policies.Agent")
    ET.SubElement(root, "resources", minRequiredRevision="1.0")
    versions = ET.SubElement(ET.SubElement(root, "supportedOn"), "definitions")
    for since in _versions():
        name = _since(since)
        ET.SubElement(versions, "definition", name=name, displayName=f"$(string.{name})")
    categories = ET.SubElement(root, "categories")
    ET.SubElement(categories, "category", name=CATEGORY, displayName="$(string.product)")
    policies = ET.SubElement(root, "policies")
    for rule in RULES:
        _add_policy(policies, rule)
    return _text(root)


def _add_policy(policies: ET.Element, rule: PolicyRule) -> None:
    policy = ET.SubElement(
        policies,
        "policy",
        {
            "name": rule.name,
            "class": "Machine",
            "displayName": f"$(string.{rule.name})",
            "explainText": f"$(string.{rule.name}_help)",
            "key": REGISTRY_KEY,
        },
    )
    ET.SubElement(policy, "parentCategory", ref=CATEGORY)
    ET.SubElement(policy, "supportedOn", ref=_since(rule.since))
    if rule.kind is RuleKind.BOOL:
        policy.set("valueName", rule.name)
        for name, value in (("enabledValue", "1"), ("disabledValue", "0")):
            ET.SubElement(ET.SubElement(policy, name), "decimal", value=value)
        return
    policy.set("presentation", f"$(presentation.{rule.name})")
    if rule.kind.is_list:
        policy.set("valueName", rule.name)
        for name, value in (("enabledValue", WITH_ENTRIES), ("disabledValue", NO_ENTRIES)):
            ET.SubElement(ET.SubElement(policy, name), "string").text = value
    _add_element(ET.SubElement(policy, "elements"), rule)


def _add_element(elements: ET.Element, rule: PolicyRule) -> None:
    if rule.kind.is_list:
        named = rule.kind is RuleKind.NAMED
        how = {"explicitValue": "true"} if named else {"valuePrefix": ""}
        ET.SubElement(elements, "list", {"id": rule.name, "key": _subkey(rule), **how})
        return
    same = {"id": rule.name, "valueName": rule.name, "required": "true"}
    match rule.kind:
        case RuleKind.NUMBER:
            bounds = {"minValue": str(rule.least), "maxValue": str(rule.most)}
            ET.SubElement(elements, "decimal", {**same, **bounds})
        case RuleKind.TEXT:
            ET.SubElement(elements, "text", {**same, "maxLength": str(rule.longest)})
        case _:
            enum = ET.SubElement(elements, "enum", same)
            for choice in rule.choices:
                shown = f"$(string.{_choice(rule, choice)})"
                item = ET.SubElement(enum, "item", displayName=shown)
                ET.SubElement(ET.SubElement(item, "value"), "string").text = choice


def folder(language: Language) -> str:
    """Return the folder of a language's texts, as Windows names it: language and region."""
    return windows_locale[language.windows].replace("_", "-")


def resources(language: Language) -> str:
    """Return the text of ``Ankong.adml`` in a language."""
    root = ET.Element("policyDefinitionResources", {"xmlns": NAMESPACE, **_VERSIONS})
    product = say(language, "policy.product", {})
    ET.SubElement(root, "displayName").text = product
    ET.SubElement(root, "description").text = say(language, "policy.description", {})
    tables = ET.SubElement(root, "resources")
    strings = ET.SubElement(tables, "stringTable")
    for name, text in _strings(language, product):
        ET.SubElement(strings, "string", id=name).text = text
    presentations = ET.SubElement(tables, "presentationTable")
    for rule in RULES:
        if rule.kind is not RuleKind.BOOL:
            _add_presentation(presentations, rule, say(language, rule.title, {}))
    return _text(root)


def _strings(language: Language, product: str) -> Iterator[tuple[str, str]]:
    yield "product", product
    for since in _versions():
        yield _since(since), say(language, "policy.since", {"version": since})
    for rule in RULES:
        yield rule.name, say(language, rule.title, {})
        kind = "list" if rule.kind.is_list else "value"
        how = "bool" if rule.kind is RuleKind.BOOL else kind
        states = say(language, f"policy.states.{how}", {})
        yield f"{rule.name}_help", f"{say(language, rule.help, {})}\n\n{states}"
        for choice in rule.choices:
            yield _choice(rule, choice), choice


def _add_presentation(presentations: ET.Element, rule: PolicyRule, label: str) -> None:
    shown = ET.SubElement(presentations, "presentation", id=rule.name)
    match rule.kind:
        case RuleKind.NUMBER:
            start = {"refId": rule.name, "defaultValue": str(rule.example)}
            ET.SubElement(shown, "decimalTextBox", start).text = label
        case RuleKind.CHOICE:
            at = str(rule.choices.index(str(rule.default)))
            start = {"refId": rule.name, "noSort": "true", "defaultItem": at}
            ET.SubElement(shown, "dropdownList", start).text = label
        case RuleKind.TEXT:
            ET.SubElement(ET.SubElement(shown, "textBox", refId=rule.name), "label").text = label
        case _:
            ET.SubElement(shown, "listBox", refId=rule.name).text = label


def _versions() -> list[str]:
    return sorted({rule.since for rule in RULES})


def _since(version: str) -> str:
    return f"since_{version.replace('.', '_')}"


def _choice(rule: PolicyRule, choice: str) -> str:
    return f"{rule.name}_is_{re.sub('[^A-Za-z0-9]', '_', choice)}"


def _subkey(rule: PolicyRule) -> str:
    return f"{REGISTRY_KEY}\\{rule.name}"


def _text(root: ET.Element) -> str:
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, "unicode")}\n'

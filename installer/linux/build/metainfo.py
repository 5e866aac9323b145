"""What catalogues of software on Linux read of the program (AppStream): the metainfo file."""

from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from devkit.channel import published

NAME: Final = "org.ankong.agent.metainfo.xml"
PLACE: Final = f"usr/share/metainfo/{NAME}"
_LANG: Final = "xml:lang"
_FIRST: Final = "en-US"
"""The language of texts without a tag, which AppStream takes for English of the United States."""


def metainfo(version: str, when: int) -> str:
    """Return the file.

    There are no screenshots in it: they are addresses, and nothing is published yet.

    Args:
        version: of the program; one that CHANGELOG.md does not call released is in development.
        when: seconds since 1970, the day of such a version.

    """
    said = published.facts()
    texts = {tag: said["text"][tag] for tag in (_FIRST, *sorted(said["text"].keys() - {_FIRST}))}
    root = ET.Element("component", type="desktop-application")
    _add(root, "id", said["metainfo"]["identifier"])
    _add(root, "metadata_license", "MIT")
    _add(root, "project_license", "MIT")
    _named(root, texts)
    _add(root, "launchable", "ankong.desktop", type="desktop-id")
    _add(root, "url", said["publisher"]["home"], type="homepage")
    _add(root, "url", said["publisher"]["help"], type="help")
    _add(ET.SubElement(root, "provides"), "binary", "ankong")
    _add(root, "content_rating", type="oars-1.1")
    _releases(root, version, when)
    ET.indent(root)
    whole: str = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}\n'


def _named(root: ET.Element, texts: dict[str, dict[str, str | list[str]]]) -> None:
    """Add names, title, paragraphs and developer, each with all of its languages."""
    for tag in texts:
        _add(root, "name", published.product(tag)["name"], **_in(tag))
    for tag, text in texts.items():
        _add(root, "summary", str(text["short"]), **_in(tag))
    for tag in texts:
        _add(root, "developer_name", published.product(tag)["company"], **_in(tag))
    description = ET.SubElement(root, "description")
    for tag, text in texts.items():
        for paragraph in text["long"]:
            _add(description, "p", paragraph, **_in(tag))


def _in(tag: str) -> dict[str, str]:
    """Return the attribute of a language, as older readers of AppStream want it: as in POSIX."""
    return {} if tag == _FIRST else {_LANG: tag.replace("-", "_")}


def _releases(root: ET.Element, version: str, when: int) -> None:
    releases = ET.SubElement(root, "releases")
    days = published.released()
    if version not in days:
        day = f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d}"
        _add(releases, "release", type="development", version=version, date=day)
    for released, day in days.items():
        _add(releases, "release", type="stable", version=released, date=day)


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = text

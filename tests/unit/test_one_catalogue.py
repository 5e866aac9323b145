"""Nothing that a person reads stands outside the catalogue, and no place names a language."""

import re
from pathlib import Path

import pytest

from agent.words import Language

ROOT = Path(__file__).parents[2]
IDEOGRAPHS = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
SOURCES = {
    ".py",
    ".js",
    ".mjs",
    ".html",
    ".css",
    ".sh",
    ".nsi",
    ".nsh",
    ".xml",
    ".desktop",
    ".command",
    "",
}
LINES: dict[str, tuple[str, str]] = {
    "agent/__init__.py": ("docstring", '"""'),
    "agent/history/export.py": ("what spreadsheets take for a formula", "_FORMULA"),
    "agent/kits/vectors/certificates.py": ("invented people", "測試"),
    "agent/portal/demo/play.py": ("invented people", "測試"),
    "agent/portal/demo/programs.py": ("the invented mobile operator", "示範電信"),
    "agent/portal/idnumber.py": ("docstring", '"""'),
    "agent/relying/ics_xml.py": ("docstring", '"""'),
    "agent/virtualcard/identity.py": ("docstring", '"""'),
    "agent/virtualcard/scenarios.py": ("the invented holder of prepared cards", "王測試"),
    "agent/web/hipki/pages.py": ("what inventory scripts look for", "安控"),
    "agent/web/native/beacon.py": ("what inventory scripts look for", "安控"),
    "agent/words/language.py": ("what a language calls itself", "繁體中文"),
    "tray/prompt/pin_requests.py": ("what makes a request of the word PIN", "_ONLY_PIN|輸入"),
    "tray/prompt/style.py": ("an ideograph that is measured", '"國"'),
    "tray/prompt/wrap.py": ("marks that begin or end no line", "_NOT_"),
}
"""Of a file that may hold ideographs: why, and what stands on each such line."""
FILES = {
    "agent/portal/birthdate.py": "how birth dates are written in years of the Republic",
    "agent/portal/demo/check.py": "what the demo's check looks for on the page",
    "agent/web/hipki/errors.py": "the old protocol's own messages, which pages compare and show",
    "agent/web/sdk/words.js": "made of the catalogue, and compared with it",
    "agent/web/jrsys/errors.py": "another old protocol's messages, whose pages know Chinese alone",
}
"""Files that may hold them on any line, and why."""
MADE = "agent/web/panel/static/handbook/"
"""Made of the READMEs and the catalogue, and compared with them."""


def sources() -> list[Path]:
    return [
        path
        for folder in ("agent", "tray", "installer")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file()
        and path.suffix in SOURCES
        and not {"node_modules", "__pycache__"} & set(path.parts)
    ]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_text_stands_outside_the_catalogue() -> None:
    strangers = []
    for path in sources():
        name = name_of(path)
        if name in FILES or name.startswith(MADE):
            continue
        mark = LINES.get(name, ("", "\0"))[1]
        strangers += [
            f"{name}:{number}: {line.strip()}"
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
            if IDEOGRAPHS.search(line) and not re.search(mark, line)
        ]
    assert strangers == []


@pytest.mark.parametrize("name", [*LINES, *FILES])
def test_every_exception_is_still_one(name: str) -> None:
    assert IDEOGRAPHS.search((ROOT / name).read_text("utf-8")), name


def test_nobody_names_a_language_but_the_list() -> None:
    members = "|".join(each.name for each in Language)
    # "id" is what many formats call an identifier, too.
    tags = "|".join(f'"{each}"' for each in Language if each != "id")
    naming = re.compile(rf"\bLanguage\.(?:{members})\b|(?<![\w.])(?:{tags})(?![\w.])")
    found = [
        f"{name_of(path)}: {line.strip()}"
        for path in sources()
        if path.suffix in {".py", ".nsi", ".nsh", ".sh"}
        and name_of(path) != "agent/words/language.py"
        for line in path.read_text("utf-8").splitlines()
        if naming.search(line)
    ]
    assert found == []

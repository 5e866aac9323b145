"""The version resource of Windows programs, in every language that Windows may choose itself."""

import re
from pathlib import Path

from agent.words import REVIEWED, Language, section

_CODE_PAGE = 1200  # UTF-16


def write(path: Path, version: str, file_name: str) -> Path:
    """Write the file that PyInstaller's EXE takes as ``version``; return its path.

    Args:
        path: of the file.
        version: of the program, as agent/__init__.py has it.
        file_name: of the program.

    """
    numbers = [int(number) for number in re.findall(r"\d+", version)[:4]]
    numbers += [0] * (4 - len(numbers))
    tables = ",\n".join(_table(language, version, file_name) for language in REVIEWED)
    translations = [number for each in REVIEWED for number in (each.windows, _CODE_PAGE)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"""\
VSVersionInfo(
  ffi=FixedFileInfo(filevers={tuple(numbers)}, prodvers={tuple(numbers)}, OS=0x40004, fileType=1),
  kids=[
    StringFileInfo([
{tables}
    ]),
    VarFileInfo([VarStruct('Translation', {translations})])
  ]
)
""",
        "utf-8",
    )
    return path


def _table(language: Language, version: str, file_name: str) -> str:
    product = section(language, "product")
    strings = {
        "CompanyName": product["company"],
        "FileDescription": product["both_names"],  # what Windows' own lists of programs show
        "FileVersion": version,
        "InternalName": "ankong",
        "LegalCopyright": product["licence"],
        "OriginalFilename": file_name,
        "ProductName": product["long_name"],
        "ProductVersion": version,
    }
    rows = ",\n".join(f"        StringStruct({key!r}, {text!r})" for key, text in strings.items())
    return f"      StringTable('{language.windows:04X}{_CODE_PAGE:04X}', [\n{rows}])"

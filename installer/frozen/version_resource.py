"""The version resource of Windows programs, in both languages."""

import re
from pathlib import Path

_CODE_PAGE = 1200  # UTF-16
_TAIWAN, _ENGLISH = 0x0404, 0x0409
_PROGRAM = {_TAIWAN: "安控 Ankong", _ENGLISH: "Ankong"}
_COMPANY = {_TAIWAN: "安控專案", _ENGLISH: "The Ankong project"}
_COPYRIGHT = {_TAIWAN: "MIT 授權", _ENGLISH: "MIT licence"}


def write(path: Path, version: str, file_name: str) -> Path:
    """Write the file that PyInstaller's EXE takes as ``version``; return its path.

    Args:
        path: of the file.
        version: of the program, as agent/__init__.py has it.
        file_name: of the program.

    """
    numbers = [int(number) for number in re.findall(r"\d+", version)[:4]]
    numbers += [0] * (4 - len(numbers))
    tables = ",\n".join(_table(language, version, file_name) for language in (_TAIWAN, _ENGLISH))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"""\
VSVersionInfo(
  ffi=FixedFileInfo(filevers={tuple(numbers)}, prodvers={tuple(numbers)}, OS=0x40004, fileType=1),
  kids=[
    StringFileInfo([
{tables}
    ]),
    VarFileInfo([VarStruct('Translation', {[_TAIWAN, _CODE_PAGE, _ENGLISH, _CODE_PAGE]})])
  ]
)
""",
        "utf-8",
    )
    return path


def _table(language: int, version: str, file_name: str) -> str:
    strings = {
        "CompanyName": _COMPANY[language],
        "FileDescription": "安控 Ankong",  # what Windows' own lists of programs show
        "FileVersion": version,
        "InternalName": "ankong",
        "LegalCopyright": _COPYRIGHT[language],
        "OriginalFilename": file_name,
        "ProductName": _PROGRAM[language],
        "ProductVersion": version,
    }
    rows = ",\n".join(f"        StringStruct({key!r}, {text!r})" for key, text in strings.items())
    return f"      StringTable('{language:04X}{_CODE_PAGE:04X}', [\n{rows}])"

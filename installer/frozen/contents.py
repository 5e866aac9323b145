"""The modules and files of the frozen program, and those that are left out."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

Entry: TypeAlias = tuple[str, str, str]
"""Name in the bundle, path of its source, kind: PyInstaller's own."""

PACKAGES = ("agent", "tray")
"""The packages of the checkout that are shipped."""

UNSHIPPED = (
    "agent.kits",
    "agent.portal",
    "agent.testkit",
    "agent.validator",
    "tests",
    "installer",
    # Of the standard library: for developers, or for what the agent never does.
    "_codecs_cn",
    "_codecs_hk",
    "_codecs_iso2022",
    "_codecs_jp",
    "_codecs_kr",
    "_pydecimal",
    "bdb",
    "code",
    "codeop",
    "curses",
    "distutils",
    "doctest",
    "ensurepip",
    "ftplib",
    "idlelib",
    "imaplib",
    "lib2to3",
    "multiprocessing",
    "nntplib",
    "pdb",
    "poplib",
    "pydoc",
    "pydoc_data",
    "readline",
    "smtplib",
    "telnetlib",
    "test",
    "turtle",
    "turtledemo",
    "unittest",
    "venv",
    "xmlrpc",
    # Of others: development aids, and toolkits that libraries would use if they were there.
    "aiohttp.pytest_plugin",
    "aiohttp.test_utils",
    "cffi",
    "frozenlist._frozenlist",  # in C++, whose library has 2 MB; in Python it is as good for us
    "gi",
    "lxml",  # pyHanko reads XMP with it, which nothing of ours does
    "pip",
    "pkg_resources",
    "pycparser",
    "setuptools",
    "Xlib",
    "wx",
    # Of Pillow, which pystray needs on Windows and macOS to hand over a drawn icon.
    "PIL.ImageCms",
    "PIL.ImageFont",
    "PIL.ImageMath",
    "PIL.ImageQt",
    "PIL.ImageShow",
    "PIL.ImageTk",
    "PIL._avif",
    "PIL._imagingcms",
    "PIL._imagingft",
    "PIL._imagingmath",
    "PIL._imagingtk",
    "PIL._webp",
)
"""Modules that are left out even where something would import them."""

_PILLOW_KEEPS = frozenset({"BmpImagePlugin", "IcoImagePlugin", "PngImagePlugin"})
_FONT_READER = frozenset(
    {
        "fontTools",
        *(
            "fontTools.cffLib",
            "fontTools.config",
            "fontTools.encodings",
            "fontTools.feaLib",
            "fontTools.misc",
            "fontTools.pens",
            "fontTools.ttLib",
            "fontTools.unicode",
        ),
        *("fontTools.cffLib.specializer",),
        *("fontTools.encodings.codecs",),
        *("fontTools.feaLib.lookupDebugInfo",),
        *(
            "fontTools.misc.arrayTools",
            "fontTools.misc.bezierTools",
            "fontTools.misc.configTools",
            "fontTools.misc.cython",
            "fontTools.misc.encodingTools",
            "fontTools.misc.filenames",
            "fontTools.misc.fixedTools",
            "fontTools.misc.lazyTools",
            "fontTools.misc.loggingTools",
            "fontTools.misc.psCharStrings",
            "fontTools.misc.roundTools",
            "fontTools.misc.sstruct",
            "fontTools.misc.textTools",
            "fontTools.misc.timeTools",
            "fontTools.misc.transform",
            "fontTools.misc.vector",
            "fontTools.misc.visitor",
            "fontTools.misc.xmlWriter",
        ),
        *(
            "fontTools.pens.basePen",
            "fontTools.pens.boundsPen",
            "fontTools.pens.filterPen",
            "fontTools.pens.pointPen",
            "fontTools.pens.recordingPen",
            "fontTools.pens.t2CharStringPen",
            "fontTools.pens.transformPen",
        ),
        *(
            "fontTools.ttLib.sfnt",
            "fontTools.ttLib.standardGlyphOrder",
            "fontTools.ttLib.tables",
            "fontTools.ttLib.ttCollection",
            "fontTools.ttLib.ttFont",
            "fontTools.ttLib.ttGlyphSet",
            "fontTools.ttLib.ttVisitor",
        ),
        *(
            "fontTools.ttLib.tables.C_F_F_",
            "fontTools.ttLib.tables.C_P_A_L_",
            "fontTools.ttLib.tables.D_S_I_G_",
            "fontTools.ttLib.tables.DefaultTable",
            "fontTools.ttLib.tables.O_S_2f_2",
            "fontTools.ttLib.tables.TupleVariation",
            "fontTools.ttLib.tables._c_m_a_p",
            "fontTools.ttLib.tables._f_v_a_r",
            "fontTools.ttLib.tables._g_l_y_f",
            "fontTools.ttLib.tables._h_e_a_d",
            "fontTools.ttLib.tables._h_h_e_a",
            "fontTools.ttLib.tables._h_m_t_x",
            "fontTools.ttLib.tables._l_o_c_a",
            "fontTools.ttLib.tables._m_a_x_p",
            "fontTools.ttLib.tables._n_a_m_e",
            "fontTools.ttLib.tables._p_o_s_t",
            "fontTools.ttLib.tables._v_h_e_a",
            "fontTools.ttLib.tables._v_m_t_x",
            "fontTools.ttLib.tables.otBase",
            "fontTools.ttLib.tables.otConverters",
            "fontTools.ttLib.tables.otData",
            "fontTools.ttLib.tables.otDataSchema",
            "fontTools.ttLib.tables.otTables",
            "fontTools.ttLib.tables.otTraverse",
            "fontTools.ttLib.tables.ttProgram",
        ),
    }
)
"""What takes shapes out of a font; the rest of the library writes, merges and compiles fonts."""
_UNSHIPPED_ROOMS = tuple(f"{name}." for name in UNSHIPPED if name.startswith("agent."))
_DEVELOPERS = frozenset(
    {
        *(".npmrc", "package.json", "package-lock.json", "tsconfig.json"),
        *("playwright.js", "testing.js"),  # for tests, in Node.js
    }
)
_SDK = Path("agent", "web", "sdk")
_RELYING = Path("agent", "relying")  # what it has besides its modules is for a site's server
_UNSHIPPED_KINDS = frozenset({".py", ".pyc", ".pyi", ".typed", ".md"})
_TCL_UNNEEDED = (
    "demos",
    "images",
    "msgs",
    "tzdata",
    "http1.0",
    "opt0.4",
    "tclAppInit",
    "tkAppInit",
)
_TCL_MODULES = "msgcat-"  # Tk asks for it; the others are a web client, tests, shells
_TCL_ENCODINGS = frozenset({"ascii.enc", "big5.enc", "cp1252.enc", "cp950.enc", "iso8859-1.enc"})


def data_files(root: Path) -> list[tuple[str, str]]:
    """Return the files that the packages read at run time: pages, documents, pictures.

    Args:
        root: the checkout.

    Returns:
        The path of each file, and its folder in the bundle.

    """
    found = []
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            place = path.relative_to(root)
            if path.is_file() and _is_data(place):
                found.append((str(path), str(place.parent)))
    return found


def _is_data(place: Path) -> bool:
    if place == _SDK / "package.json":  # ``ankong sdk`` writes it for npm
        return True
    if any(place.is_relative_to(each) for each in (_RELYING, _SDK / "examples")):
        return False
    if "node_modules" in place.parts or "__pycache__" in place.parts:
        return False
    if ".".join(place.parts).startswith(_UNSHIPPED_ROOMS):
        return False
    return place.suffix not in _UNSHIPPED_KINDS and place.name not in _DEVELOPERS


def pillow_plugins(site_packages: Path) -> list[str]:
    """Return Pillow's modules for image formats that are not used; none without Pillow."""
    plugins = (path.stem for path in (site_packages / "PIL").glob("*ImagePlugin.py"))
    return [f"PIL.{name}" for name in sorted(plugins) if name not in _PILLOW_KEEPS]


def font_tools(site_packages: Path) -> list[str]:
    """Return the modules of fontTools that no mark needs."""
    names = set()
    for path in (site_packages / "fontTools").rglob("*.py"):
        parts = path.relative_to(site_packages).with_suffix("").parts
        names.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return sorted(names - _FONT_READER)


def plain_font_tools(site_packages: Path) -> list[Entry]:
    """Return what is compiled in fontTools, in Python, which is a tenth as large."""
    found = []
    for name in sorted(_FONT_READER):
        path = site_packages.joinpath(*name.split("."))
        if any(each.suffix in {".so", ".pyd"} for each in path.parent.glob(f"{path.name}.*")):
            found.append((name, f"{path}.py", "PYMODULE"))
    return found


def needed(entries: Iterable[Entry]) -> list[Entry]:
    """Return the collected files without those that hooks add and nothing reads."""
    return [entry for entry in entries if _is_needed(entry[0].replace(os.sep, "/"))]


def _is_needed(name: str) -> bool:
    folder, _, inside = name.partition("/")
    if folder in ("_tcl_data", "_tk_data"):
        first, _, rest = inside.partition("/")
        if first == "encoding":
            return rest in _TCL_ENCODINGS
        if first == "tcl8":
            return rest.startswith(_TCL_MODULES)
        return not first.startswith(_TCL_UNNEEDED)
    if folder == "fontTools":  # plain_font_tools()
        return False
    # The service and this library are of one version: always the system's own.
    return not folder.startswith("libpcsclite")


def write_commit(folder: Path, root: Path) -> None:
    """Write into ``folder`` from which commit the program is built, for its inventory.

    Files that differ from the commit, or a checkout without one, are of none.

    Args:
        folder: of the program's data.
        root: the checkout.

    """
    commit = _git(root, "rev-parse", "HEAD")
    is_changed = _git(root, "status", "--porcelain", "--untracked-files=no") != ""
    said = {"commit": None if is_changed else commit}
    (folder / "built.json").write_text(json.dumps(said) + "\n", "ascii")


def _git(root: Path, *words: str) -> str | None:
    """Return what git says; None where it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, check=False, capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def fresh(folder: Path) -> Path:
    """Empty ``folder``, make it where it is missing, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def files(folder: Path) -> list[Path]:
    """Return all files in ``folder`` and below."""
    return sorted(path for path in folder.rglob("*") if path.is_file())

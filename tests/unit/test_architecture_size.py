"""The house numbers: how long files and functions are."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for folder in ("agent", "tray", "installer") for path in (ROOT / folder).rglob("*.py")
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[FunctionNode]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, FunctionNode):
            yield node


def body_lines(function: FunctionNode) -> int:
    """Count from the signature to the end, without the docstring."""
    first = function.body[0]
    docstring = ast.get_docstring(function, clean=False)
    told = (first.end_lineno or 0) - first.lineno + 1 if docstring is not None else 0
    return (function.end_lineno or 0) - function.lineno + 1 - told


def test_there_is_something_to_measure() -> None:
    assert len(SOURCES) > 20


def test_files_have_at_most_500_lines() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in SOURCES
    }
    assert not {name: length for name, length in lengths.items() if length > 500}


def test_functions_have_at_most_60_lines() -> None:
    assert not {
        f"{path.relative_to(ROOT)}:{item.lineno} {item.name}": body_lines(item)
        for path in SOURCES
        for item in functions(path)
        if body_lines(item) > 60
    }


def test_half_of_all_functions_fit_in_ten_lines() -> None:
    sizes = [body_lines(item) for path in SOURCES for item in functions(path)]
    assert statistics.median(sizes) <= 10

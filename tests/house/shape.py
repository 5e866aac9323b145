"""What the source itself tells: lengths, names, types, documented errors."""

import ast
import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("agent", "tray", "installer")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def figures(root: Path) -> dict[str, float]:
    """Measure the modules below a checkout; tests do not count."""
    modules = {path: path.read_text("utf-8") for path in _modules(root)}
    trees = {path: ast.parse(text) for path, text in modules.items()}
    functions = [node for tree in trees.values() for node in _functions(tree)]
    lengths = [_length(node) for node in functions]
    raising = [node for node in functions if _raises(node) and not node.name.startswith("_")]
    return {
        "lines of a function, median": statistics.median(lengths),
        "lines of the longest function": max(lengths),
        "class names used twice": len(class_names_used_twice(root)),
        "functions without all types": sum(not _is_typed(node) for node in functions),
        "public functions that raise and do not say so": sum(
            "Raises:" not in (ast.get_docstring(node) or "") for node in raising
        ),
    }


def class_names_used_twice(root: Path) -> list[str]:
    """List the public class names that more than one module defines."""
    names = Counter(
        node.name
        for path in _modules(root)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    return sorted(name for name, count in names.items() if count > 1)


def modules_with_parameter(root: Path, name: str) -> list[str]:
    """List the agent's modules, as paths, that have a function with such a parameter."""
    return [
        path.relative_to(root).as_posix()
        for path in _modules(root, ("agent",))
        if any(
            argument.arg == name
            for function in _functions(ast.parse(path.read_text("utf-8")))
            for argument in _arguments(function)
        )
    ]


def _modules(root: Path, folders: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def _functions(tree: ast.AST) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def _length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _arguments(node: Function) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _is_typed(node: Function) -> bool:
    untyped = [argument for argument in _arguments(node) if argument.annotation is None]
    return all(argument.arg in {"self", "cls"} for argument in untyped) and (
        node.returns is not None or node.name == "__init__"
    )


def _raises(node: Function) -> bool:
    return any(isinstance(each, ast.Raise) and each.exc is not None for each in ast.walk(node))

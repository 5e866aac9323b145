"""What the source itself tells: lengths, names, types, documented errors."""

import ast
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDERS = ("agent", "tray", "installer")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def figures(root: Path) -> dict[str, float]:
    """Measure the modules below a checkout; tests do not count."""
    texts = [path.read_text("utf-8") for path in modules(root)]
    functions = [node for text in texts for node in _functions(ast.parse(text))]
    lengths = [_length(node) for node in functions]
    return {
        "modules": len(texts),
        "lines of a module, median": statistics.median(len(text.splitlines()) for text in texts),
        "file names used twice": len(file_names_used_twice(modules(root))),
        "lines of a function, median": statistics.median(lengths),
        "lines of the longest function": max(lengths),
        "class names used twice": len(class_names_used_twice(root)),
        "functions without all types": sum(not _is_typed(node) for node in functions),
        "public functions that raise and do not say so": len(silent_raises(root)),
    }


def modules(root: Path, folders: tuple[str, ...] = FOLDERS) -> list[Path]:
    """List the files of the product's Python below a checkout."""
    return [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]


def class_names_used_twice(root: Path) -> list[str]:
    """List the public class names that more than one module defines."""
    names = Counter(
        node.name
        for path in modules(root)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    return sorted(name for name, count in names.items() if count > 1)


def file_names_used_twice(paths: Iterable[Path]) -> list[str]:
    """List the names that more than one module has; those that Python gives do not count."""
    names = Counter(path.name for path in paths if not path.name.startswith("__"))
    return sorted(name for name, count in names.items() if count > 1)


def silent_raises(root: Path) -> list[str]:
    """List the public functions that raise something and have no ``Raises:`` in their docstring."""
    return [
        f"{path.relative_to(root).as_posix()}:{node.name}"
        for path in modules(root)
        for node in _public_functions(ast.parse(path.read_text("utf-8")))
        if _raises(node) and "Raises:" not in (ast.get_docstring(node) or "")
    ]


def modules_with_parameter(root: Path, name: str) -> list[str]:
    """List the agent's modules, as paths, that have a function with such a parameter."""
    return [
        path.relative_to(root).as_posix()
        for path in modules(root, ("agent",))
        if any(
            argument.arg == name
            for function in _functions(ast.parse(path.read_text("utf-8")))
            for argument in _arguments(function)
        )
    ]


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _public_functions(node: ast.AST) -> Iterator[Function]:
    """Yield the functions that other modules can call by their names: none inside another."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef) and child.name.startswith("_"):
            continue
        if isinstance(child, Function):
            yield child
        else:
            yield from _public_functions(child)


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

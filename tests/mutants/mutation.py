"""List the mutants of a package: one source file with one small fault."""

import ast
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutants.operators import OPERATORS


@dataclass(frozen=True)
class Mutant:
    """A source file with a fault.

    Attributes:
        path: of the file, from the checkout's root, with slashes.
        line: where the fault is, from 1.
        before: the line or lines as they are.
        after: as they are with the fault.
        source: the whole file with it.

    """

    path: str
    line: int
    before: str
    after: str
    source: str

    @property
    def module(self) -> str:
        """The dotted name of the module."""
        name = self.path.removesuffix(".py").removesuffix("/__init__")
        return name.replace("/", ".")

    @property
    def text(self) -> str:
        """What it changes, and where; not at which line, which moves."""
        return f"{self.path}: {self.before}  ->  {self.after or 'nothing'}"

    def __str__(self) -> str:
        return self.text.replace(":", f":{self.line}:", 1)


@dataclass(frozen=True)
class Place:
    """A place where an operator can make a fault.

    Attributes:
        path: of the file, from the checkout's root, with slashes.
        operator: its name.
        occurrence: which of the operator's places in the file, from 0.
        line: from 1.
        column: from 0.
        text: the line.

    """

    path: str
    operator: str
    occurrence: int
    line: int
    column: int
    text: str

    @cached_property
    def order(self) -> str:
        """Its place among others: scattered, and the same as long as the line stays as it is."""
        # Several faults of one place (a number can be one more or one less) differ by parity.
        key = (self.path, self.operator, self.text, self.column, self.occurrence % 2)
        return hashlib.sha256(repr(key).encode()).hexdigest()


def mutants_of(root: Path, package: str) -> Iterator[Mutant]:
    """Yield the mutants of the package in the folder ``package``, scattered but always alike."""
    places: list[Place] = []
    for path in sorted((root / package).rglob("*.py")):
        places += places_in(path.read_text("utf-8"), path.relative_to(root).as_posix())
    for place in sorted(places, key=lambda each: (each.order, each.line)):
        mutant = mutant_at(place, (root / place.path).read_text("utf-8"))
        if mutant is not None:
            yield mutant


def places_in(source: str, path: str) -> Iterator[Place]:
    """Yield the places of one file where a fault can be made."""
    ignored = _lines_without_behaviour(source)
    lines = source.splitlines()
    nodes = list(ast_nodes(get_ast(source)))
    for name, operator in OPERATORS.items():
        found = (begin for node in nodes for begin, _ in operator.mutation_positions(node))
        for occurrence, (line, column) in enumerate(found):
            if line not in ignored:
                yield Place(path, name, occurrence, line, column, lines[line - 1])


def mutant_at(place: Place, source: str) -> Mutant | None:
    """Make the fault; return None where it would only be a syntax error."""
    try:
        mutated = mutate_code(source, OPERATORS[place.operator], place.occurrence)
    except AttributeError:  # cosmic-ray cannot replace an exception with a dot in its name
        return None
    if mutated is None or mutated == source or not _compiles(mutated):
        return None
    before, after = _difference(source.splitlines(), mutated.splitlines())
    return Mutant(place.path, place.line, before, after, mutated)


def _compiles(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _lines_without_behaviour(source: str) -> frozenset[int]:
    """Return the lines of annotations, decorators, ``__repr__`` and what is written to the log."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        for part in _without_behaviour(node):
            found.update(range(part.lineno, (part.end_lineno or part.lineno) + 1))
    return frozenset(found)


def _without_behaviour(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    match node:
        case ast.ClassDef():
            yield from node.decorator_list
        case ast.FunctionDef(name="__repr__"):
            yield node
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from node.decorator_list
            yield from (arg.annotation for arg in _arguments(node) if arg.annotation)
            if node.returns:
                yield node.returns
        case ast.AnnAssign(value=None):
            yield node
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="_log")))):
            yield node
        case _:
            return


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _difference(before: Sequence[str], after: Sequence[str]) -> tuple[str, str]:
    """Return what differs, without indentation, lines joined by a space."""
    start = 0
    while before[start : start + 1] == after[start : start + 1]:
        start += 1
    end = 0
    most = min(len(before), len(after)) - start
    while end < most and before[-1 - end] == after[-1 - end]:
        end += 1
    return _joined(before[start : len(before) - end]), _joined(after[start : len(after) - end])


def _joined(lines: Sequence[str]) -> str:
    return " ".join(" ".join(line.split()) for line in lines)

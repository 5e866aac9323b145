"""The small faults that are tried: cosmic-ray's, and two that forget a line."""

from collections.abc import Iterator
from typing import Any, Final

from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Keyword, Name

_COMPARISONS: Final = (
    *("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Eq_NotEq", "NotEq_Eq"),
    *("Is_IsNot", "IsNot_Is"),
)
_BINARY: Final = (
    *("Add_Sub", "Sub_Add", "Mul_FloorDiv", "FloorDiv_Mul", "Mod_Add", "Pow_Mul"),
    *("BitAnd_BitOr", "BitOr_BitAnd", "BitXor_BitOr", "LShift_RShift", "RShift_LShift"),
)
_OTHERS: Final = (
    *("ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_USub_UAdd"),
    *(
        "AddNot",
        "ReplaceTrueWithFalse",
        "ReplaceFalseWithTrue",
        "ReplaceAndWithOr",
        "ReplaceOrWithAnd",
    ),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop"),
    *("ExceptionReplacer", "NumberReplacer"),
)
_STATEMENTS: Final = ("expr_stmt", "atom_expr", "await_expr", "raise_stmt", "del_stmt")


class ForgetStatement(Operator):  # type: ignore[misc]  # cosmic-ray has no types
    """Replace a statement that is a call, an assignment in place, or a raise by nothing."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Yield the position of ``node`` if it is such a statement."""
        if node.type not in _STATEMENTS or node.parent is None:
            return
        if node.parent.type != "simple_stmt" or _binds_a_name(node):
            return
        yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return what stands in the place of ``node``."""
        del index
        return Name("pass", node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return none: they are in the tests of this folder."""
        return ()


def _binds_a_name(node: Any) -> bool:
    """Return whether a statement defines a name: without it the code would only not run."""
    return node.type == "expr_stmt" and not str(node.get_code()).strip().startswith("self.")


class ForgetCondition(Operator):  # type: ignore[misc]  # likewise
    """Make a condition false, as if the lines that depend on it were not there."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Yield the position of the condition of ``node``, if it has one."""
        if node.type in ("if_stmt", "while_stmt"):
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return ``node`` with its first condition false."""
        del index
        node.children[1] = Keyword("False", node.children[1].start_pos, prefix=" ")
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return none: they are in the tests of this folder."""
        return ()


_PROVIDER: Final = OperatorProvider()

OPERATORS: Final[dict[str, Any]] = {
    **{
        name: _PROVIDER[name]()
        for name in (
            *(f"ReplaceComparisonOperator_{name}" for name in _COMPARISONS),
            *(f"ReplaceBinaryOperator_{name}" for name in _BINARY),
            *_OTHERS,
        )
    },
    "ForgetStatement": ForgetStatement(),
    "ForgetCondition": ForgetCondition(),
}
"""An instance of each kind of fault, by its name."""

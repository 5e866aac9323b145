"""A table of figures as plain text, as the long proofs print it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TextTable:
    """The columns of a table: each has a title, and a width in characters.

    The first one names the row and stands to the left, all others to the right.
    """

    columns: tuple[tuple[str, int], ...]

    @property
    def head(self) -> str:
        """The line of the titles."""
        return self.line(*(title for title, _ in self.columns))

    def line(self, *cells: object) -> str:
        """Return one row.

        Raises:
            ValueError: there are more cells than columns, or fewer.

        """
        (name, (_, longest)), *figures = zip(cells, self.columns, strict=True)
        return f"{name!s:<{longest}}" + "".join(
            f"{cell!s:>{width}}" for cell, (_, width) in figures
        )

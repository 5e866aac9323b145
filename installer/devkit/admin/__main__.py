"""Write the templates, and the table in the guide: ``python -m installer.devkit.admin``."""

from pathlib import Path

from .policy_templates import written

if __name__ == "__main__":
    for path, text in written(Path(__file__).resolve().parents[3]).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            text, "utf-8", newline="\n"
        )  # another way: a generated file of the checkout

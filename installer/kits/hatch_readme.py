"""Give a wheel its README for the index, where no link to a file of the checkout leads anywhere."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_MENDING = Path(__file__).parents[1] / "devkit" / "packed_links.py"


class PackedReadme(MetadataHookInterface):
    """Hatch's hook (https://hatch.pypa.io/latest/plugins/metadata-hook/reference)."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the long description."""
        text = Path(self.root, "README.md").read_text("utf-8")
        mended = runpy.run_path(str(_MENDING))["mended"](text, "README.md", {})
        metadata["readme"] = {"content-type": "text/markdown", "text": mended}

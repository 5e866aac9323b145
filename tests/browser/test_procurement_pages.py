"""The pages for agencies that buy, in a real browser: axe, width, and nothing from elsewhere."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import axe_judge

sys.path.append(str(Path(__file__).resolve().parents[2] / "installer"))

from tests.installer.procurement_support import counted, small_checkout, small_pack

LONG = "ankong.procurement.evidence." * 8


@pytest.mark.browser
def test_nothing_is_wrong_on_a_page(page: Page, tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    folder = small_checkout(root)
    out = small_pack(root, folder, counted(failed=1, rows=((LONG, "a"), ("<b>b", "c"))))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name in ("index", "first", "second"):
        page.goto((out / f"{name}.html").as_uri())
        found = [each for each in axe_judge.faults(page, axe_judge.FEW_LOOKS) if LONG not in each]
        assert not found, "\n".join(found)
        assert page.evaluate("document.compatMode") == "CSS1Compat"
        assert page.locator("b").count() == 0
    assert Counter(url.partition(":")[0] for url in asked) == {"file": 3}

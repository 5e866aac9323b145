"""What the panel's page has a browser fetch at once: all of its scripts, and none for nothing."""

import posixpath
import re

from agent.web.panel.files import ROOT, load

IMPORTED = re.compile(rb"""^(?:import|export)\b[^;]*?\bfrom "(\.[^"]+)";$""", re.MULTILINE)


def test_every_script_that_the_page_comes_to_is_asked_for_with_the_page() -> None:
    """A browser that learns of a script from another one is one round trip late with it."""
    files = load()
    page = files[ROOT].read().decode()
    begun = re.findall(r'<script type="module"[^>]* src="([^"]+)">', page)
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)
    needed, found = {ROOT + each for each in begun}, set[str]()
    while needed:
        path = needed.pop()
        found.add(path)
        named = (each.decode() for each in IMPORTED.findall(files[path].read()))
        here = posixpath.dirname(path)
        needed |= {posixpath.normpath(posixpath.join(here, each)) for each in named} - found
    assert len(found) > len(begun)
    assert {ROOT + each for each in preloaded} == found


def test_the_panel_lets_itself_in_before_its_views_are_there() -> None:
    """The script that does so needs no other than the one that speaks with the agent."""
    files = load()
    first, *_ = re.findall(r"<script [^>]*>", files[ROOT].read().decode())
    assert first == '<script type="module" async src="js/opening.js">'
    assert IMPORTED.findall(files[f"{ROOT}js/opening.js"].read()) == [b"./api.js"]
    assert IMPORTED.findall(files[f"{ROOT}js/api.js"].read()) == []

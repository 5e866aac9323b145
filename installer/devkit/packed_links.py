"""Links of a document that is packed: what they lead to in the checkout is elsewhere in a package.

A link to what the package has leads there. One to the catalogue of errors leads to the same codes
for programs, where the package has those alone. Of any other its text is left; and of a line that
is nothing but such links, nothing.
"""

import re
from collections.abc import Mapping
from posixpath import dirname, normpath, relpath

_LINK = re.compile(r"\[([^\[\]]+)\]\(([^()\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_ONLY_LINKS = re.compile(rf"(?m)^{_LINK.pattern}(?: · {_LINK.pattern})*\n\n")
_ELSEWHERE = re.compile(r"[a-z]+:|#")
_CATALOGUE = re.compile(r"/errors/[\w-]+\.md\Z")


def mended(text: str, source: str, places: Mapping[str, str]) -> str:
    """Return a document in Markdown as it is packed.

    Args:
        text: as it stands in the checkout.
        source: where that is, from the root, with ``/``.
        places: where in the package each of its files is, by where it is in the checkout; without
            ``source`` where the document is no file of the package.

    """
    at = dirname(places.get(source, ""))

    def place_of(href: str) -> str | None:
        """Return where a link leads in the package."""
        if _ELSEWHERE.match(href):
            return href
        path, mark, anchor = href.partition("#")
        target = normpath(f"{dirname(source)}/{path}")
        if target not in places:
            target, mark, anchor = _CATALOGUE.sub("/errors.json", target), "", ""
        return relpath(places[target], at or ".") + mark + anchor if target in places else None

    def link(found: re.Match[str]) -> str:
        target = place_of(found[2])
        return found[1] if target is None else f"[{found[1]}]({target})"

    def line(found: re.Match[str]) -> str:
        targets = [place_of(href) for _, href in _LINK.findall(found[0])]
        return "" if not any(targets) else found[0]

    parts = _FENCE.split(text)  # every second one is code
    parts[::2] = [_LINK.sub(link, _ONLY_LINKS.sub(line, part)) for part in parts[::2]]
    return "".join(parts)

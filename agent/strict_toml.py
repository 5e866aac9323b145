"""Read TOML that somebody else wrote, in a time that grows with its length and no faster."""

import re
import tomllib
from typing import Any, Final

from agent.strict_json import UNREADABLE

MAX_DOTS: Final = 16
"""Of one key; ours have none."""
# In the order of TOML's own grammar: what begins first hides the marks of the others in it. What
# has no end goes on to where it would have to have one; so no character is looked at often.
_HIDDEN: Final = re.compile(
    r"#[^\n]*+"
    r'|"""(?:[^"\\]|\\.|""?(?!"))*+(?:"""|\Z)?'
    r"|'''(?:[^']|''?(?!'))*+(?:'''|\Z)?"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?",
    re.DOTALL,
)
_PART: Final = r"[^\s.,=\[\]{}]"
_LONG_KEY: Final = re.compile(rf"(?<!{_PART})(?:{_PART}++[ \t]*+\.[ \t]*+){{{MAX_DOTS + 1}}}")


def decode(text: str) -> dict[str, Any]:
    """Return what stands in a TOML document.

    Raises:
        ValueError: it is none, is nested too deeply, or has a key of more than :data:`MAX_DOTS`
            dots: Python's reader takes minutes for 64 KiB of them.

    """
    if _LONG_KEY.search(_HIDDEN.sub('"', text)):
        raise ValueError("a key of very many parts")
    try:
        return tomllib.loads(text)
    except UNREADABLE as error:
        raise ValueError(str(error)) from error

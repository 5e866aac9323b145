"""Names of people as they are typed: kept as they are, if anybody can read them."""

import re
from typing import Final

from agent.harmless import has_content, is_harmful

LONGEST_NAME: Final = 64
"""Characters of a person's name."""

_BLANKS: Final = re.compile(r"[ \t\r\n]+")  # not the ideographic one, which a name may have


def parse_name(text: str) -> str:
    """Return a name on one line, without the blanks around it.

    Raises:
        ValueError: it shows nothing, has characters that show nothing or change what stands
            around them, or is longer than 64 characters.

    """
    # Trimmed last: what Python takes for blanks includes controls and line separators.
    one_line = _BLANKS.sub(" ", text)
    if not has_content(one_line) or any(map(is_harmful, one_line)):
        raise ValueError("a name that can be read is needed")
    name = one_line.strip()
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a name has at most {LONGEST_NAME} characters")
    return name

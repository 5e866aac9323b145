"""Read property lists, XML or binary, that anybody may have written."""

import plistlib
from typing import Any
from xml.parsers.expat import ExpatError


def parse_plist(content: bytes) -> Any:
    """Return what a property list holds; a binary one may hold itself.

    Args:
        content: of a limited size.

    Raises:
        ValueError: it is none.

    """
    try:
        return plistlib.loads(content)
    except (ExpatError, RecursionError, MemoryError, OverflowError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    except (AttributeError, LookupError, TypeError) as error:
        # How plistlib fails on a bad date, key, encoding or end.
        raise ValueError(f"no property list: {error}") from error

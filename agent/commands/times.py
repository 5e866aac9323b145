"""Moments as people read them: this computer's time, with its distance from UTC."""

from datetime import datetime
from typing import Final

from agent.harmless import shortened

_LONGEST: Final = 40  # characters of what is no moment


def local_time(moment: datetime | str) -> str:
    """Return a moment as ``2026-11-29 18:48:05 +08:00``, in this computer's time zone.

    Args:
        moment: with a time zone; a text is ISO 8601, as our JSON has it. What is none, in a file
            that somebody changed, is returned as it is, harmless and not too long.

    """
    try:
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        local = at.astimezone()
    except (ValueError, OverflowError, OSError):
        return shortened(str(moment), _LONGEST)
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"

"""Moments as people read them: this computer's time, with its distance from UTC."""

from datetime import datetime


def local_time(moment: datetime | str) -> str:
    """Return a moment as ``2026-11-29 18:48:05 +08:00``, in this computer's time zone.

    Args:
        moment: with a time zone; a text is ISO 8601, as our JSON has it.

    """
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    local = at.astimezone()
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"

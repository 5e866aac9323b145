"""What each channel publishes of a release: ``make channels`` writes it into ``dist/channels``.

It is made of the table of what was built, after every file was held against it, and judged by
other programs. Whoever adds a channel adds a :class:`ReleaseChannel` to :data:`CHANNELS`.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from devkit.channel import appstream, built, cask, packages, published, winget
from devkit.channel.built import BuiltRelease
from devkit.channel.verdict import ChannelVerdict, ReleaseChannel
from devkit.installers import OUT as BUILT
from devkit.shell import ROOT, SetupError, say

OUT: Final = ROOT / "dist" / "channels"
CHANNELS: Final[Sequence[ReleaseChannel]] = (
    winget.CHANNEL,
    cask.CHANNEL,
    appstream.CHANNEL,
    packages.CHANNEL,
)


def build(
    folder: Path | None = None,
    downloads: str | None = None,
    out: Path = OUT,
    version: str | None = None,
) -> int:
    """Render every channel, have it judged, and print what that proved; return the exit status.

    Args:
        folder: with the files and their table, ``dist/installers`` by default.
        downloads: the address that people download from, other than channels.toml has it.
        out: the folder to write, which is made anew.
        version: other than the sources' own.

    Raises:
        SetupError: nothing was built, or a file is not what the table says.

    """
    shutil.rmtree(out, ignore_errors=True)  # before anything is refused: nobody takes what is old
    found = built.read(folder or BUILT, downloads, version)
    silent = render(found, out)
    failed = []
    for channel in CHANNELS:
        print(channel.name, flush=True)
        files = [path for path in sorted((out / channel.name).rglob("*")) if path.is_file()]
        for path in files:
            print(f"  {path.relative_to(out)}", flush=True)
        if silent[channel.name]:
            print(f"  not rendered: {silent[channel.name]}", flush=True)
        try:
            _print(channel.validate(found, out / channel.name))
        except SetupError as error:
            failed.append(channel.name)
            print(f"  FAILED: {error}", flush=True)
        print(f"  only on a real machine: {channel.remains}", flush=True)
    if not published.is_somebodys(found.downloads):
        say(f"addresses are placeholders, so nothing of this can be published: {_place()}")
    if failed:
        say(f"channels failed: {', '.join(failed)}")
    return 1 if failed else 0


def render(
    found: BuiltRelease, out: Path, channels: Sequence[ReleaseChannel] | None = None
) -> dict[str, str]:
    """Write the files of channels into ``out``; return why one has none, else an empty text.

    Args:
        found: what was built.
        out: a folder, which may be there.
        channels: all of them by default.

    """
    silent = {}
    for channel in CHANNELS if channels is None else channels:
        own = out / channel.name
        own.mkdir(parents=True, exist_ok=True)
        silent[channel.name] = channel.render(found, own)
        if not any(own.iterdir()):
            own.rmdir()
    return silent


def _place() -> Path:
    return published.DATA.relative_to(ROOT)


def _print(verdict: ChannelVerdict) -> None:
    if verdict.proven:
        print(f"  proven here: {'; '.join(verdict.proven)}", flush=True)
    if verdict.unproven:
        print(f"  not proven here: {'; '.join(verdict.unproven)}", flush=True)

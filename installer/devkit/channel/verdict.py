"""What every channel is: a name, what renders it, what judges it, what stays for a real machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devkit.channel.built import BuiltRelease


@dataclass(frozen=True)
class ChannelVerdict:
    """What judges on this machine said of the files of a channel.

    Attributes:
        proven: what they found right.
        unproven: what no judge was here for, or what there was no file for.

    """

    proven: Sequence[str]
    unproven: Sequence[str] = ()


@dataclass(frozen=True)
class ReleaseChannel:
    """A way by which people get the program.

    Attributes:
        name: of its folder below ``dist/channels``.
        render: writes its files into an empty folder that is there; returns why there are none,
            or an empty text. Two calls for the same files write the same octets.
        validate: has judges read what was rendered. It raises
            :class:`~devkit.shell.SetupError` where one of them finds a fault.
        remains: what only a real machine can show.
        in_release: whether a release's archive of channels has its files; not where they are
            large, and served from a place of their own.

    """

    name: str
    render: Callable[[BuiltRelease, Path], str]
    validate: Callable[[BuiltRelease, Path], ChannelVerdict]
    remains: str
    in_release: bool = True

"""What the running agent says about itself to other processes of its user: ``instance.json``.

::

    {"format": 1, "pid": 4711, "port": 28443, "hipki_port": 61161, "provider": "pcsc",
     "also": [], "missing": [], "left": [], "mca_port": null, "jrsys_ports": [17022],
     "jrsys_missing": [], "porter": [], "policy": "e3b0…", "icon": true, "testing": false}

The agent writes it when it takes its folder, again when its ports are open and when its icon comes
or goes, and removes it when it ends. A killed agent leaves it behind: only the lock says whether an
agent runs.
"""

from pathlib import Path
from typing import Annotated, Final

import msgspec
import structlog
from msgspec import Meta, Struct

from agent.files import read_file, replace_file

FORMAT: Final = 1
"""Grows when a field other than ``pid`` changes its meaning, not when one is added."""
_MAX_SIZE: Final = 4096  # bytes
_Port = Annotated[int, Meta(ge=1, le=65535)]

_log = structlog.get_logger(__name__)


class InstanceRecord(Struct, frozen=True, kw_only=True):
    """One running agent; fields that only a newer agent knows are ignored.

    Attributes:
        pid: its process.
        port: of the native API, HTTPS; None while it starts, and when it got none.
        hipki_port: of the plain-HTTP side, likewise.
        also: ports of the native API that it took later, beside ``port``.
        missing: the ports that it wants and that other programs hold; it takes them once they
            are free, of the native API's the first that is.
        left: the ports that it leaves to another person, who is in front of this computer; of
            ``missing`` too are those that it is about to take again.
        mca_port: of plain HTTP for pages of the MCA kind; None where it has none.
        jrsys_ports: of the pages of the JRSYS family that it has, plain and with TLS.
        jrsys_missing: those of ``missing`` that are for these pages.
        porter: the ports that a porter holds for all users of this computer, and of which it hands
            this agent the connections that are its user's.
        policy: the fingerprint of the policy that is in force: what it decides of sites now, and
            what it fixed at the start; None where an older agent does not say.
        display: whether there is one for its windows; None where it needs none, and where an older
            agent does not say.
        icon: whether the desktop shows its icon; None where it wants none, or is trying.
        provider: what its readers are, ``pcsc`` or ``virtual``; None while it starts.
        testing: whether a test answers in the citizen's place, or controls it.
        format: see :data:`FORMAT`; 1 in what older agents wrote.

    """

    pid: Annotated[int, Meta(ge=1, lt=2**32)]
    port: _Port | None = None
    hipki_port: _Port | None = None
    mca_port: _Port | None = None
    icon: bool | None = None
    provider: Annotated[str, Meta(max_length=32)] | None = None
    policy: Annotated[str, Meta(max_length=64)] | None = None
    display: bool | None = None
    testing: bool = False
    also: Annotated[tuple[_Port, ...], Meta(max_length=16)] = ()
    missing: Annotated[tuple[_Port, ...], Meta(max_length=32)] = ()
    left: Annotated[tuple[_Port, ...], Meta(max_length=32)] = ()
    jrsys_ports: Annotated[tuple[_Port, ...], Meta(max_length=16)] = ()
    jrsys_missing: Annotated[tuple[_Port, ...], Meta(max_length=16)] = ()
    porter: Annotated[tuple[_Port, ...], Meta(max_length=16)] = ()
    format: Annotated[int, Meta(ge=1)] = FORMAT


def write_record(path: Path, record: InstanceRecord) -> None:
    """Write the record, whole or not at all; blocks.

    Raises:
        OSError: it cannot be written.

    """
    replace_file(path, msgspec.json.encode(record))


def read_record(path: Path) -> InstanceRecord | None:
    """Read the record; None where there is none, or nothing that an agent would write.

    One field that makes no sense makes all of them worthless; why is logged. Of a newer format
    only the process counts.
    """
    try:
        record = msgspec.json.decode(read_file(path, _MAX_SIZE), type=InstanceRecord)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:  # a DecodeError is a ValueError
        _log.warning("the record of the running agent cannot be used", detail=str(error))
        return None
    if record.format > FORMAT:
        return InstanceRecord(pid=record.pid, format=record.format)
    return record

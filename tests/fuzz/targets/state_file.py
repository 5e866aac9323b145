"""Files in the agent's own folder, which any program of its user may have written."""

import plistlib
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from agent.doctor.asking import read_status
from agent.errors import AgentError
from agent.files import replace_file
from agent.history.witness import Witness, WitnessError
from agent.host.autostart.xdg import read_entry
from agent.host.browser_policy.policy_places import _firefox_file, _read_json, _read_plist
from agent.host.instance.panel_key import _decode
from agent.host.instance.record import read_record
from agent.host.machine.reader_drivers import _read_bundle
from agent.host.settings.preferences import Preferences
from agent.host.tls import firefox, manifest, store_readers
from agent.host.tls.identity import load_leaf
from agent.host.tls.ladder_file import read_ladder
from agent.host.tls.store import StoreError
from agent.host.update import memory

REFUSALS = ()
LONGEST = 70_000
WORDS = (
    b'"pid":',
    b'"port":',
    b'"format":',
    b'"version":',
    b'"steps":[',
    b'{"policies":{"Certificates":{"Install":[',
    b"-----BEGIN CERTIFICATE-----",
    b"bplist00",
)


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-state-"))


def one(data: bytes) -> str:
    path = folder() / "file"
    replace_file(path, data)
    taken = []
    for name, read in READERS.items():
        try:
            found = read(path)
        except (AgentError, StoreError, WitnessError):
            continue
        if found is not None:
            taken.append(name)
    read_status(data)
    load_leaf(data)
    _decode(data.decode("utf-8", "replace"))
    return " ".join(taken)


READERS = {
    "record": read_record,
    "preferences": lambda path: Preferences(path).language != "system" or None,
    "update memory": lambda path: memory.load(path, ()).tried,
    "trust": lambda path: manifest.Manifest(path).steps or None,
    "witness": lambda path: Witness(path, bytes(32)).read(),
    "ladder": read_ladder,
    "Firefox": lambda path: firefox._read(path)[1],
    "policy file": lambda path: _firefox_file(path).policies,
    "JSON": _read_json,
    "property list": _read_plist,
    "driver": _read_bundle,
    "readers": lambda path: (
        store_readers.StoreReaders.in_facts(
            {store_readers.READERS: path.read_bytes().decode("utf-8", "replace")}
        ).processes
        or None
    ),
    "desktop": read_entry,
}


def seeds() -> Iterator[tuple[bytes, str]]:
    yield b'{"format":1,"pid":4711,"port":28443}', "record Firefox JSON desktop"
    yield b'{"language":"en"}', "preferences Firefox JSON desktop"
    yield b'{"policies":{"Certificates":{"Install":["a.cer"]}}}', "Firefox policy file JSON desktop"
    bundle = {"CFBundleShortVersionString": "1.5", "ifdFriendlyName": ["Reader"]}
    yield plistlib.dumps(bundle), "property list driver desktop"

"""A policy in the registry of Windows: keys, names, kinds and data of any kind."""

from collections.abc import Iterator

from agent.host.settings import registry_policy
from agent.host.settings.config import ConfigError
from agent.host.settings.managed_policy import REGISTRY_KEY
from agent.host.settings.policy import Policy
from agent.host.settings.policy_rules import RULES
from tests.unit.host.policy_support import LocalMachine, Values

REFUSALS = (ConfigError,)
NAMES = (*(rule.name for rule in RULES), "", "unknown", "1", "2", "10")
SEPARATOR = b"\n"


def one(data: bytes) -> int:
    """Read lines of: whether in a subkey, the number of a name, kind, and the value's octets."""
    keys: dict[str, Values] = {REGISTRY_KEY: {}}
    for line in data.split(SEPARATOR):
        if len(line) >= 4:
            below, name, inner, kind = line[:4]
            key = f"{REGISTRY_KEY}\\{_name(below)}" if below < len(NAMES) else REGISTRY_KEY
            keys.setdefault(key, {})[_name(name) if key == REGISTRY_KEY else _name(inner)] = (
                _value(kind % 13, line[4:]),
                kind % 13,
            )
    found = registry_policy.read(LocalMachine(keys))
    if found is None:
        return 0
    return len(Policy.managed(found).rules.allowed)


def _name(number: int) -> str:
    return NAMES[number % len(NAMES)]


def _value(kind: int, octets: bytes) -> object:
    match kind:
        case 1 | 2:
            return (
                octets.decode("utf-16-le", "surrogatepass")
                if len(octets) % 2 == 0
                else octets.decode("latin-1")
            )
        case 4 | 5:
            return int.from_bytes(octets[:4], "little")
        case 11:
            return int.from_bytes(octets[:8], "little")
        case 7:
            return octets.decode("latin-1").split(",")
        case _:
            return octets or None


def seeds() -> Iterator[tuple[bytes, int]]:
    allowed, other = NAMES.index("allowed"), NAMES.index("other_sites")
    first = bytes((allowed, 0, NAMES.index("1"), 1)) + b"https://portal.example/"[:-1] + b"x"
    yield first, 1
    yield first + SEPARATOR + bytes((255, other, 0, 1)) + b"ask  "[:3], 1

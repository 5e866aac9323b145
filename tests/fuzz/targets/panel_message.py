"""Bodies that the panel's pages, the reference portal's and testers of sites send."""

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from agent.errors import BadRequestError
from agent.portal import wire as portal
from agent.portal.errors import PortalError
from agent.strict_json import decode
from agent.testkit.mistakes import RefusedControlError
from agent.testkit.rules import read_rules
from agent.validator import messages as validator
from agent.web.panel import messages as panel

REFUSALS = ()
LONGEST = 70_000
OF_PANEL = tuple(
    k for k in vars(panel).values() if isinstance(k, type) and issubclass(k, msgspec.Struct)
)
OF_PORTAL = tuple(
    k for k in vars(portal).values() if isinstance(k, type) and issubclass(k, msgspec.Struct)
)
OF_VALIDATOR = (
    validator.VerifyLogin,
    validator.VerifyDocument,
    validator.VerifyCertificate,
    validator.CheckIdentity,
)


def one(data: bytes) -> int:
    taken = 0
    for kind in OF_PANEL:
        with suppress(BadRequestError):
            panel.read(kind, data)
            taken += 1
    for kind in OF_PORTAL:
        with suppress(PortalError):
            portal.decode(data, kind)
            taken += 1
    for kind in OF_VALIDATOR:
        with suppress(ValueError):
            decode(data, kind, limit=LONGEST)
            taken += 1
    with suppress(RefusedControlError):
        read_rules(data)
        taken += 1
    return taken > 0


def seeds() -> Iterator[tuple[bytes, bool]]:
    yield b'[{"kind":"allow_site","answer":"always","site":"https://portal.example"}]', True
    yield b'{"language":"en","autostart":true}', True

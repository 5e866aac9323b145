"""The address that a browser is sent to so that a person sees the panel.

It is the first page's, on plain HTTP: a browser that does not trust our certificate yet would
answer the panel's own address with a full page of warning. Where the plain port is not ours it is
the panel's own address all the same; what is on the plain port then is somebody else's.

The host is 127.0.0.1, not ``localhost``: no name is resolved, and an address has no HSTS (RFC 6797
§8.1.1), which any developer's server may have set for ``localhost`` and all of its ports. Browsers
that want HTTPS everywhere leave loopback addresses alone (Chromium's HTTPS-First mode, Firefox's
HTTPS-Only mode), and send no proxy to them.
"""

from pathlib import Path
from typing import Final

from agent.host.instance.first_ticket import PURPOSE, Ticket, make_ticket
from agent.host.instance.panel_key import PanelKey, panel_address
from agent.host.instance.quitting import is_running
from agent.host.instance.record import read_record
from agent.host.machine.paths import Paths

FIRST_PAGE: Final = "/first"
"""The path of the first page on the plain port."""


def first_address(paths: Paths, page: str = "state", basket: str | None = None) -> str:
    """Return the address that shows the running agent's panel, once it can be shown.

    Args:
        paths: of the agent's folder.
        page: of the panel.
        basket: the id of the basket that the page is to take; None for none.

    Raises:
        PanelUnreachableError: the agent that runs there got none of the panel's ports.
        AgentError: ``timeout``: no agent runs there, or it is not ready yet.

    """
    own = panel_address(paths)
    more = "" if basket is None else f"&basket={basket}"
    record = read_record(paths.instance)
    # A killed agent leaves its record behind, and its plain port to anybody.
    if record is None or record.hipki_port is None or not is_running(paths):
        return f"{own}&page={page}{more}"
    ticket = _ticket(paths.panel_key)
    fragment = f"page={page}{more}&claim={ticket.claim}&half={ticket.half}"
    return f"http://127.0.0.1:{record.hipki_port}{FIRST_PAGE}#{fragment}"


def _ticket(key: Path) -> Ticket:
    return make_ticket(PanelKey.read(key).derive(PURPOSE))

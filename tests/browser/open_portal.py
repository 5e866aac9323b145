"""A portal that is reached by plain http under a name; the real one does not start so.

Its page is what a site shows that was set up without https: ``python -m tests.browser.open_portal``
takes the arguments of ``python -m agent.portal``.
"""

import sys

from agent.portal import config
from agent.portal.__main__ import main
from agent.relying import origins
from tests.browser.world import World


def start_open_portal(world: World, name: str, port: int, origin: str) -> None:
    """Start one that browsers call ``origin``; it ends with the world."""
    programs = world.programs
    _, *arguments = programs._portal_arguments(name)  # as the demo starts its own
    module = "tests.browser.open_portal"
    more = ("--port", str(port), "--origin", origin)
    programs.children.start_module(name, module, *arguments, *more).wait_ready()


if __name__ == "__main__":
    for module in (config, origins):  # see above
        module.check_origin = lambda text: None  # type: ignore[attr-defined]  # noqa: ARG005
    sys.exit(main())

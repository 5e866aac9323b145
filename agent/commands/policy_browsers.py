"""``ankong policy browsers``: write the browsers' policies that let sites reach the agent."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.commands.columns import cells, padded
from agent.commands.output import say, say_aside, say_json
from agent.commands.parser import CommandAction, CommandParser, JsonOptions
from agent.commands.tongue import tell, tongue
from agent.errors import BadRequestError
from agent.files import create_file, read_file
from agent.host.browser_policy.firefox_merge import MAX_POLICY
from agent.host.browser_policy.pack import browser_pack
from agent.host.browser_policy.site_list import MAX_LIST, doubts_about, pattern_text, read_sites

if TYPE_CHECKING:
    from agent.doctor.report import Finding

_PUBLIC: Final = 0o644
_PLACES: Final = {
    "chrome-linux.json": "/etc/opt/chrome/policies/managed/ankong.json",
    "edge-linux.json": "/etc/opt/edge/policies/managed/ankong.json",
    "firefox/policies.json": "/etc/firefox/policies/policies.json",
}


@dataclass(frozen=True, kw_only=True)
class BrowserPackOptions(JsonOptions):
    """The options of ``policy browsers``.

    Attributes:
        sites: the list of sites.
        out: the new folder.
        merge: a ``policies.json`` of Firefox that ours are added to; None for a new one.

    """

    sites: Path
    out: Path
    merge: Path | None = None


def write_pack(options: BrowserPackOptions) -> int:
    """Write the pack into a new folder, and say where each file belongs.

    Raises:
        BadRequestError: the list or the file to merge is unfit, or the folder is there already.
        OSError: a file cannot be read, or the folder cannot be made or written.

    """
    sites = read_sites(read_file(options.sites, MAX_LIST, follow_links=True))
    merge = options.merge
    given = None if merge is None else read_file(merge, MAX_POLICY, follow_links=True)
    pack = browser_pack(sites, given)
    doubts = list(doubts_about(sites))
    findings = list(_inherited(merge, pack))
    _write(options.out, pack)
    if options.json:
        say_json(
            {
                "folder": str(options.out.absolute()),
                "sites": list(map(pattern_text, sites)),
                "files": list(pack),
                "doubts": [{"kind": each.kind, "site": each.site} for each in doubts],
                "findings": [each.as_json() for each in findings],
            }
        )
        return 0
    say(tell("cli.policy.browsers.done", count=len(sites), path=options.out.absolute()))
    for line in _table(pack):
        say(line)
    say_aside(tell("cli.policy.browsers.managed"))
    for each in doubts:
        say_aside(tell(f"cli.policy.browsers.{each.kind}", site=each.site))
    for finding in findings:
        say_aside(finding.message(tongue()))
    return 0


def _inherited(merge: Path | None, pack: Mapping[str, bytes]) -> "Iterator[Finding]":
    """Yield what the doctor would say of the administrator's own part, which stays as it is."""
    if merge is not None:
        from agent.doctor.browser_openings import openings  # noqa: PLC0415  # few merge
        from agent.host.browser_policy.policy_places import BrowserPolicies  # noqa: PLC0415

        policies = json.loads(pack["firefox/policies.json"])["policies"]
        yield from openings(BrowserPolicies("Firefox", str(merge), policies, is_firefox=True))


def _write(folder: Path, pack: Mapping[str, bytes]) -> None:
    # another way: a pack is never written over an older one, of which an administrator may have
    # given out what is in it; so there is nothing to replace in one step.
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        said = "cli.error.folder_exists", {"path": folder}
        raise BadRequestError(f"{folder}: there already", said=said) from error
    for name, content in pack.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        create_file(path, content, mode=_PUBLIC)


def _table(pack: Mapping[str, bytes]) -> Iterator[str]:
    widest = max(map(cells, pack)) + 2
    for name in pack:
        place = _PLACES.get(name) or tell(f"cli.policy.browsers.{_way(name)}")
        yield f"  {padded(name, widest)}{place}"


def _way(name: str) -> str:
    if name.endswith("-undo.reg"):
        return "undo"
    return {".reg": "registry", ".csv": "intune"}.get(Path(name).suffix, "profile")


def _add_options(parser: CommandParser) -> None:
    for name, metavar in (("sites", "FILE"), ("out", "DIR")):
        parser.add_argument(
            f"--{name}",
            type=Path,
            required=True,
            metavar=metavar,
            help=f"cli.policy.browsers.{name}",
        )
    parser.add_argument("--merge", type=Path, metavar="FILE", help="cli.policy.browsers.merge")


BROWSERS: Final = CommandAction("browsers", BrowserPackOptions, write_pack, _add_options)
"""The action of ``policy``."""

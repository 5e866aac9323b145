"""``ankong modules``: the vendors' modules that tokens are used through, and those that are here.

The person chooses: a module is used once it stands in their settings, or in the policy. No page can
add one, and nothing is loaded because it was found.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.tongue import tell, tongue
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, Level
from agent.doctor.token_modules import check_token_modules
from agent.harmless import printable
from agent.host.machine.paths import Paths
from agent.host.settings.config import Pkcs11Module
from agent.host.settings.module_files import found_modules, module_fault


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, JsonOptions, modules)


@dataclass(frozen=True, slots=True)
class FoundModule:
    """A module on this computer.

    Attributes:
        name: what people call it.
        path: of its file.

    """

    name: str
    path: Path

    @property
    def line(self) -> str:
        """How it stands in the settings, in TOML."""
        return f"{{ name = '{self.name}', path = '{printable(str(self.path))}' }}"


def modules(options: JsonOptions) -> int:
    """Print them; return 1 where one that is used does not work.

    Raises:
        ConfigError: the settings cannot be read.

    """
    log_aside()
    installation = InstalledAgent.on_this_computer(Paths.choose(options.state_dir))
    used = installation.settings().pkcs11_modules
    findings = tuple(check_token_modules(installation))
    found = _unused(used)
    if options.json:
        say_json(
            {
                "used": [
                    {"name": module.name, "path": module.path, "code": finding.code}
                    for module, finding in zip(used, findings, strict=True)
                ],
                "found": [{"name": each.name, "path": str(each.path)} for each in found],
            }
        )
    else:
        _say(findings, found, installation.paths)
    return 1 if any(finding.level is Level.FAULT for finding in findings) else 0


def _unused(used: Iterable[Pkcs11Module]) -> tuple[FoundModule, ...]:
    """Return the modules that were found, may be loaded, and are not used."""
    known = {Path(module.path).resolve() for module in used}
    found = (FoundModule(name, path) for name, path in found_modules())
    return tuple(
        each
        for each in found
        if each.path.resolve() not in known and module_fault(str(each.path)) is None
    )


def _say(findings: tuple[Finding, ...], found: tuple[FoundModule, ...], paths: Paths) -> None:
    if not findings:
        say(tell("cli.modules.said.none"))
    for finding in findings:
        say(finding.message(tongue()))
    if not found:
        return
    say()
    say(tell("cli.modules.said.found", path=paths.config))
    say("pkcs11_modules = [")
    for each in found:
        say(f"  {each.line},")
    say("]")
    say(tell("cli.modules.said.trust"))

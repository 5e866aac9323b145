"""Check the vendors' modules of the settings: their files, and whether they answer."""

from collections.abc import Iterator
from typing import Final

from agent.cards.pkcs11.module_client import (
    ModuleFile,
    TokenModule,
    TokenModuleError,
    TokenRefusalError,
)
from agent.cards.pkcs11.token_wire import ListSlots, SlotList
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, ok
from agent.host.settings.config import ConfigError, Pkcs11Module
from agent.host.settings.module_files import ModuleFault, module_fault

SECONDS: Final = 10.0
"""That a module has to tell its tokens."""
_FILES: Final = {
    ModuleFault.RELATIVE: "module_relative",
    ModuleFault.MISSING: "module_missing",
    ModuleFault.WRITABLE: "module_writable",
    ModuleFault.OTHER_PROCESSOR: "module_other_processor",
}


def check_token_modules(
    installation: InstalledAgent, seconds: float = SECONDS
) -> Iterator[Finding]:
    """Report of each module whether it can be loaded, and answers; nothing where there is none."""
    try:
        modules = installation.settings().pkcs11_modules
    except (ConfigError, OSError):
        return  # check_config reports it
    for module in modules:
        found = module_fault(module.path)
        if found is None:
            yield _asked(module, seconds)
        else:
            yield fault("module", _FILES[found], name=module.name, path=module.path)


def _asked(module: Pkcs11Module, seconds: float) -> Finding:
    client = TokenModule(ModuleFile(module.name, module.path), seconds=seconds)
    facts = {"name": module.name, "path": module.path}
    try:
        tokens = client.ask(ListSlots(), SlotList).tokens
    except TokenModuleError as error:
        if error.is_none:
            return fault("module", "module_none", detail=error.detail, **facts)
        return fault("module", "module_hung" if error.has_hung else "module_crashed", **facts)
    except TokenRefusalError as error:
        return fault("module", "module_refused", detail=error.detail, **facts)
    finally:
        client.close()
    return ok("module", "module_ok", name=module.name, count=str(len(tokens)))

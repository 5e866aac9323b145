"""Check the vendors' modules of the settings: their files, and whether they answer."""

from collections.abc import Iterator
from typing import Final, assert_never

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
        yield _asked(module, seconds) if found is None else _unfit(module, found)


def _unfit(module: Pkcs11Module, why: ModuleFault) -> Finding:
    facts = {"name": module.name, "path": module.path}
    match why:
        case ModuleFault.RELATIVE:
            return fault("module", "module_relative", **facts)
        case ModuleFault.MISSING:
            return fault("module", "module_missing", **facts)
        case ModuleFault.WRITABLE:
            return fault("module", "module_writable", **facts)
        case ModuleFault.OTHER_PROCESSOR:
            return fault("module", "module_other_processor", **facts)
    assert_never(why)


def _asked(module: Pkcs11Module, seconds: float) -> Finding:
    client = TokenModule(ModuleFile(module.name, module.path), seconds=seconds)
    facts = {"name": module.name, "path": module.path}
    try:
        tokens = client.ask(ListSlots(), SlotList).tokens
    except TokenModuleError as error:
        if error.is_none:
            return fault("module", "module_none", **facts, detail=error.detail)
        if error.has_hung:
            return fault("module", "module_hung", **facts)
        return fault("module", "module_crashed", **facts)
    except TokenRefusalError as error:
        return fault("module", "module_refused", **facts, detail=error.detail)
    finally:
        client.close()
    return ok("module", "module_ok", name=module.name, count=str(len(tokens)))

"""The modules of the settings, as far as they may be loaded; none is started here."""

import structlog

from agent.cards.pkcs11.module_client import ModuleFile
from agent.cards.pkcs11.token_source import TokenSource
from agent.host.settings.config import Settings
from agent.host.settings.module_files import module_fault

_log = structlog.get_logger(__name__)


def open_tokens(settings: Settings) -> TokenSource:
    """Return the tokens of the settings' modules; the doctor says why one is left out.

    Args:
        settings: as the policy leaves them.

    """
    files = []
    for module in settings.pkcs11_modules:
        fault = module_fault(module.path)
        if fault is None:
            files.append(ModuleFile(module.name, module.path))
        else:
            _log.warning("a token module is not loaded", module=module.name, fault=str(fault))
    return TokenSource.of(files)

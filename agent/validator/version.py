"""Which version this is; the package's own name differs between checkout and wheel."""

import sys
from typing import Final

from agent.errors import AgentError

VERSION: Final[str] = sys.modules[AgentError.__module__.rpartition(".")[0]].__version__

"""The command ``ankong-verify``: serve, and check."""

import argparse
import asyncio
import http.client
import json
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from agent.cms.errors import CmsError
from agent.validator.config import (
    DEFAULT,
    Config,
    ListenAddress,
    ServiceConfigError,
    UnixAddress,
    parse_config,
    read_config,
)
from agent.validator.version import VERSION

_ANSWER_S: Final = 5.0
_EXTRA: Final = ("aiohttp", "prometheus_client")  # [ics] says by itself what it lacks


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0, or 1 where it says why on standard error."""
    options = _parser().parse_args(argv)
    try:
        _require_posix()
        _require_extra()
        if options.command == "serve":
            return _serve(options.config)
        return _check(options.config, is_asked=not options.only_config)
    except ServiceConfigError as error:
        sys.stderr.write(f"ankong-verify: {error}\n")
        return 1


def _require_posix() -> None:
    if os.name != "posix":
        raise ServiceConfigError("the service needs Linux or another POSIX system")


def _require_extra() -> None:
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        what = " and ".join(missing)
        raise ServiceConfigError(f'{what} is missing: pip install "ankong-verify[service]"')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ankong-verify", description="Verify what a citizen's card has signed."
    )
    parser.add_argument("--version", action="version", version=f"ankong-verify {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the service until SIGTERM; SIGHUP reloads")
    check = commands.add_parser(
        "check", help="look at the configuration, and ask whether it is ready"
    )
    check.add_argument(
        "--only-config", action="store_true", help="ask nobody: before a start or a reload"
    )
    for command in (serve, check):
        command.add_argument("--config", type=Path, default=DEFAULT, help=f"default: {DEFAULT}")
    return parser


def _serve(path: Path) -> int:
    from agent.validator.logs import log_lines  # noqa: PLC0415  # what only serving needs
    from agent.validator.supervisor import ServiceSupervisor  # noqa: PLC0415  # likewise

    log_lines()
    asyncio.run(ServiceSupervisor(path).run())
    return 0


def _check(path: Path, *, is_asked: bool) -> int:
    config = parse_config(read_config(path), path.absolute().parent)
    if not is_asked:
        _build(config)
        return 0
    try:
        status, said = _ask(config.listen[0])
    except ConnectionRefusedError as error:
        raise ServiceConfigError(f"{config.listen[0]}: nobody listens; is it running?") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServiceConfigError(f"{config.listen[0]}: {type(error).__name__}: {error}") from error
    if status != 200:
        missing = said.get("missing")
        names = missing if isinstance(missing, list) else [f"it answers {status}"]
        raise ServiceConfigError(f"not ready: {'; '.join(map(str, names))}")
    return 0


def _build(config: Config) -> None:
    """Load all that the configuration names, but fetch no list."""
    from agent.pki.revocation import FileSource, check_list_files  # noqa: PLC0415  # heavy
    from agent.validator.judging import Judging, load_trust  # noqa: PLC0415  # likewise

    trust = load_trust(config)
    try:
        for path in config.paths(config.table.lists.files):
            check_list_files(path)
        Judging(config, trust, FileSource([]))
    except CmsError as error:
        raise ServiceConfigError(f"lists: {error.detail}") from error
    except ValueError as error:
        raise ServiceConfigError(str(error)) from error


class _UnixConnection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_ANSWER_S)
        self.sock.connect(str(self._path))


def _ask(address: ListenAddress) -> tuple[int, dict[str, object]]:
    connection: http.client.HTTPConnection
    if isinstance(address, UnixAddress):
        connection = _UnixConnection(address.path)
    else:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104
        connection = http.client.HTTPConnection(host, address.port, timeout=_ANSWER_S)
    with closing(connection):
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        found = json.loads(answer.read(65536))
        return answer.status, found if isinstance(found, dict) else {}


if __name__ == "__main__":
    sys.exit(main())

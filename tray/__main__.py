"""The program ``ankong``; without a command it runs the agent with its icon."""

import sys

PROMPT_ARGUMENT = "--prompt"
WORKER_ARGUMENT = "--pdf-worker"
HOST_ARGUMENT = "--pkcs11-host"
SIGN_ARGUMENTS = ["sign", "--window", "--"]
"""Before the files that a file manager hands over (:mod:`agent.host.filemanager`)."""
SERVICE_ARGUMENTS = ["porter", "--service"]
"""Of a service of Windows: nobody sees its windows, and it would wait for somebody who does."""


def main() -> int:
    """Run what the command line says; return the exit status."""
    arguments = sys.argv[1:]
    if arguments[:1] == [PROMPT_ARGUMENT]:
        from tray.prompt.process import main as prompt  # noqa: PLC0415  # a window must open quickly

        return prompt(arguments[1:])
    if arguments == [WORKER_ARGUMENT]:
        from agent.pdf.pdf_child import main as work_on_pdfs  # noqa: PLC0415  # nobody else needs it

        return work_on_pdfs()
    if arguments == [HOST_ARGUMENT]:
        from agent.cards.pkcs11.module_host import (  # noqa: PLC0415  # likewise
            main as host_module,
        )

        return host_module()
    if arguments[: len(SIGN_ARGUMENTS)] == SIGN_ARGUMENTS:
        from agent.commands.sign_window import joins  # noqa: PLC0415  # of a hundred, one goes on

        if joins(arguments[len(SIGN_ARGUMENTS) :]):
            return 0
    from agent.cli import Command, run  # noqa: PLC0415  # a window does not need it

    def work() -> int:
        return run(arguments or ["tray"], (Command("tray", "tray.command"),))

    if sys.stderr is None:
        from tray.windowed import run_windowed  # noqa: PLC0415  # likewise

        is_service = arguments[: len(SERVICE_ARGUMENTS)] == SERVICE_ARGUMENTS
        return run_windowed(work, (lambda _: None) if is_service else None)
    return work()


if __name__ == "__main__":
    sys.exit(main())

"""Install, repair and remove in a terminal, without a window: for screen readers and for scripts.

Each step is printed as it begins and as it ends, in the citizen's language. Nothing is asked; the
licence, which the wizard has a tick for, is accepted by an option.
"""

import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from agent.words import Language
from wizard import installed_program, operations, smart_card_service
from wizard.command_line import WizardOptions
from wizard.context import WizardContext
from wizard.errors import CancelledError
from wizard.installed_program import SetupStep
from wizard.operations import InstallStage
from wizard.repair_report import mended_lines
from wizard.texts import WizardTexts, load_texts
from wizard.window import fill_in

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_LEFT = 3
"""It is installed, but something is left to do."""
EXIT_INTERRUPTED = 130


def say(text: str) -> None:
    """Print a line at once; where nobody can read it, that is no reason to stop half-way."""
    with suppress(OSError):
        print(text, flush=True)


def complain(text: str) -> None:
    """Print a line among the errors, as :func:`say` does."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def install_quietly(context: WizardContext, options: WizardOptions) -> int:
    """Install, update or repair; return the exit status.

    Args:
        context: what to install, and where.
        options: of the command line.

    Raises:
        WizardError: it failed; everything is as it was.

    """
    texts = load_texts(options.language)
    repairs = options.repair and context.is_this_version()
    if not repairs:
        refusal = _refusal(context, options, texts)
        if refusal is not None:
            return refusal
    try:
        with _interruptible() as cancelled:
            work = _repair if repairs else _install
            steps = work(context, options.language, cancelled)
    except CancelledError:
        complain(texts.cancelled)
        return EXIT_INTERRUPTED
    if not options.autostart:
        executable = context.paths.executable
        more = installed_program.complete(executable, "--no-autostart", "--no-trust")
        others = [step for step in steps if step.step != "autostart"]
        steps = [*others, *(step for step in more if step.step == "autostart" or not step.ok)]
    if not repairs:  # a repair has told what it mended, and these would seem to be of it
        for step in steps:
            if step.ok:
                say(f"  · {step.said(options.language)}")
    failed = [step.said(options.language) for step in steps if not step.ok]
    if failed:
        complain("\n  · ".join((texts.not_complete, *failed)))
    _tell_missing(texts)
    licences = context.paths.program / "_internal" / "licences"
    say(fill_in(texts.licence_others, {"path": str(licences)}))
    started = not options.starts or _start(context, texts)
    return EXIT_LEFT if failed or not started else EXIT_OK


def uninstall_quietly(context: WizardContext, options: WizardOptions) -> int:
    """Remove the program; return the exit status.

    Args:
        context: what to remove.
        options: of the command line.

    Raises:
        WizardError: a file cannot be removed.

    """
    texts = load_texts(options.language)  # now: they go with the program
    say(texts.removing)
    with _interruptible():
        steps = operations.uninstall(context, forget=options.forget)
    left = [step for step in steps if not step.ok]
    if left:
        complain(texts.left_text)
        for step in left:
            complain(f"  · {step.said(options.language)}")
        return EXIT_FAILED
    say(texts.removed_title)
    state = context.agent_paths.state
    say(texts.removed_text)
    if state.exists():
        say(fill_in(texts.kept_text, {"path": str(state)}))
    return EXIT_OK


def _refusal(context: WizardContext, options: WizardOptions, texts: WizardTexts) -> int | None:
    """Return the exit status where nothing may be installed yet, and say why; None where it may."""
    before = context.installed()
    if before is not None and context.is_downgrade() and not options.downgrade:
        told = {"installed": before.version, "version": context.version}
        complain(f"{fill_in(texts.welcome_older, told)} (--downgrade)")
        return EXIT_FAILED
    if options.accepts_licence:
        return None
    say(texts.licence_text)
    say("")
    say((context.licences / "ankong.txt").read_text("utf-8").strip())
    say("")
    complain(fill_in(texts.quiet_accept, {"command": options.accepting}))
    return EXIT_USAGE


def _install(
    context: WizardContext, language: Language, cancelled: threading.Event
) -> Sequence[SetupStep]:
    texts = load_texts(language)
    facts = {"version": context.version, "path": str(context.paths.program)}
    say(fill_in(texts.quiet_begins, facts))
    steps = operations.install(context, _teller(texts), lambda _: None, cancelled)
    say(fill_in(texts.quiet_done, facts))
    return steps


def _repair(
    context: WizardContext, language: Language, cancelled: threading.Event
) -> Sequence[SetupStep]:
    texts = load_texts(language)
    result = operations.repair(context, _teller(texts), lambda _: None, cancelled)
    facts = {"version": context.version, "path": str(context.paths.program)}
    say(fill_in(texts.quiet_repaired, facts))
    mended = mended_lines(language, result.damage, result.steps)
    say(texts.mended if mended else texts.nothing_broken)
    for line in mended:
        say(f"  · {line}")
    return result.steps


def _teller(texts: WizardTexts) -> operations.Begins:
    """Return what says that a stage begins."""
    lines = {
        InstallStage.CHECKING: texts.checking,
        InstallStage.ENDING: texts.ending,
        InstallStage.COPYING: texts.copying,
        InstallStage.COMPLETING: texts.making_certificate,
    }
    return lambda stage: say(lines[stage])


def _tell_missing(texts: WizardTexts) -> None:
    missing = smart_card_service.find_missing()
    if not missing:
        return
    if missing.service:
        complain(texts.missing_service)
    if missing.tool:
        complain(texts.missing_tool)
    if missing.command is None:
        complain(texts.missing_unknown)
    else:
        complain(f"{texts.missing_command}\n  {missing.command}")


def _start(context: WizardContext, texts: WizardTexts) -> bool:
    try:
        installed_program.start(context.paths.executable)
    except OSError as error:
        facts = {"detail": error.strerror or str(error), "command": _typed(context, "tray")}
        complain(fill_in(texts.not_started, facts))
        return False
    say(fill_in(texts.quiet_started, {"command": _typed(context, "doctor")}))
    return True


def _typed(context: WizardContext, command: str) -> str:
    """Return a command as it can be typed in this terminal, whose PATH may be older than we."""
    program = context.paths.command
    found = shutil.which(program.name)
    is_found = found is not None and Path(found) == program
    return f"{program.name if is_found else shlex.quote(str(program))} {command}"


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Have Ctrl+C set the event meanwhile, so that nothing is left half-done."""
    interrupted = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)

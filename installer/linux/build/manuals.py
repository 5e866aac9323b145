"""The manual pages of the packages: made of the program's own help, one for each language."""


def manual_pages(version: str) -> dict[str, str]:
    """Return the pages by their places below ``man``, in each language that is reviewed.

    Args:
        version: of the program.

    """
    from agent.cli import COMMANDS, Command, parser_of  # noqa: PLC0415  # the chores run without it
    from agent.commands.manual import manual  # noqa: PLC0415  # likewise
    from agent.words import REVIEWED, SOURCE  # noqa: PLC0415  # likewise

    commands = (*COMMANDS, Command("tray", "tray.command"))
    pages = {}
    for language in REVIEWED:
        folder = "" if language is SOURCE else f"{language.posix}/"
        pages[f"{folder}man1/ankong.1"] = manual(parser_of(commands), language, version)
    return pages

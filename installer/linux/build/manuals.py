"""The manual pages for Linux: made of the program's own help, one for each language."""


def manual_pages(version: str, *, for_one: bool = False) -> dict[str, str]:
    """Return the pages by their places below ``man``, in each language that is reviewed.

    Args:
        version: of the program.
        for_one: whether one user installs it, not the administrator for all.

    """
    from agent.cli import COMMANDS, Command, parser_of  # noqa: PLC0415  # the chores run without it
    from agent.commands.manual import OF_ALL, OF_ONE, manual  # noqa: PLC0415  # likewise
    from agent.words import REVIEWED, SOURCE  # noqa: PLC0415  # likewise

    commands = (*COMMANDS, Command("tray", "tray.command"))
    pages = {}
    for language in REVIEWED:
        folder = "" if language is SOURCE else f"{language.posix}/"
        pages[f"{folder}man1/ankong.1"] = manual(
            parser_of(commands), language, version, OF_ONE if for_one else OF_ALL
        )
    return pages

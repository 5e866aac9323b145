"""What a language is called where people choose one."""

from agent.words.catalogue import load
from agent.words.language import BY_TAG, SYSTEM, Language


def choice_label(choice: str, speaking: Language) -> str:
    """Return what one of ``CHOICES`` is called by a menu in the language ``speaking``.

    A language is called by its own name, with a remark where no native speaker has reviewed it.
    """
    texts = load(speaking)
    if choice == SYSTEM:
        return str(texts["languages.system"])
    language = BY_TAG[choice]
    if language.is_reviewed:
        return language.endonym
    return texts["languages.unreviewed"].format_map({"language": language.endonym})

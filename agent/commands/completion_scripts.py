"""The scripts that complete command lines, one kind for each shell; all of them are data.

Each walks over the words before the cursor: a command leads to the next table, an option with a
value takes the word behind it. Nothing is run while somebody types, the program least of all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from agent.commands.completion_model import CommandShape, OptionShape, ValueShape

_PATHS: Final = "/"
"""Stands in a script for files and folders; no word of ours is called so."""
Shapes = Sequence[CommandShape]


def _steps(shapes: Shapes) -> Iterator[tuple[str, str]]:
    """Yield ``card|new`` and ``card new`` for each command: where it leads from a word."""
    for shape in shapes:
        for name in shape.commands:
            yield f"{shape.path}|{name}", f"{shape.path} {name}".strip()


def _values(shapes: Shapes) -> Iterator[tuple[str, str]]:
    """Yield ``sign|--hash`` and what may stand behind it, for each option with a value."""
    for shape in shapes:
        for option in shape.options:
            if option.value is not None:
                for name in option.names:
                    yield f"{shape.path}|{name}", _told(option.value)


def _told(value: ValueShape) -> str:
    return _PATHS if value.is_path else " ".join(value.words)


def _operands(shape: CommandShape) -> str:
    if any(each.is_path for each in shape.operands):
        return _PATHS
    return " ".join([*shape.commands, *(word for each in shape.operands for word in each.words)])


def _options(shape: CommandShape) -> str:
    return " ".join(name for option in shape.options for name in option.names)


def _cases(rows: Iterator[tuple[str, str]], then: str) -> str:
    return "\n".join(f"            '{key}') {then.format(value=value)} ;;" for key, value in rows)


def _posix_tables(shapes: Shapes) -> Mapping[str, str]:
    """Return the branches of ``case`` that bash and zsh have in common."""
    return {
        "steps": _cases(_steps(shapes), "chain='{value}'"),
        "values": _cases(_values(shapes), "want='={value}'"),
        "options": _cases(((each.path, _options(each)) for each in shapes), "list='{value}'"),
        "operands": _cases(((each.path, _operands(each)) for each in shapes), "list='{value}'"),
    }


_BASH: Final = """\
# Completes the command lines of ankong in bash: ankong completion bash
_ankong() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} chain='' want='' list='' word i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
        if [[ $word == '=' ]]; then continue; fi
        if [[ -n $want ]]; then want=''; continue; fi
        case "$chain|$word" in
{steps}
{values}
        esac
    done
    if [[ $cur == '=' ]]; then cur=''; fi
    if [[ -n $want ]]; then
        list=${{want#=}}
    elif [[ $cur == -* ]]; then
        case "$chain" in
{options}
        esac
    else
        case "$chain" in
{operands}
        esac
    fi
    local IFS=$'\\n'
    if [[ $list == '/' ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$cur"))
    else
        COMPREPLY=($(IFS=' ' compgen -W "$list" -- "$cur"))
    fi
}}
complete -F _ankong ankong
"""
_ZSH: Final = """\
#compdef ankong
# Completes the command lines of ankong in zsh: ankong completion zsh
_ankong() {{
    local chain='' want='' list='' word cur=${{words[CURRENT]}}
    integer i
    for ((i = 2; i < CURRENT; i++)); do
        word=${{words[i]}}
        if [[ -n $want ]]; then want=''; continue; fi
        case "$chain|$word" in
{steps}
{values}
        esac
    done
    if [[ $cur == --*=* ]]; then
        case "$chain|${{cur%%=*}}" in
{values}
        esac
        compset -P '*='
    fi
    if [[ -n $want ]]; then
        list=${{want#=}}
    elif [[ $cur == -* ]]; then
        case "$chain" in
{options}
        esac
    else
        case "$chain" in
{operands}
        esac
    fi
    if [[ $list == '/' ]]; then
        _files
    else
        compadd -- ${{=list}}
    fi
}}
if [[ ${{funcstack[1]}} == _ankong ]]; then _ankong "$@"; else compdef _ankong ankong; fi
"""
_FISH: Final = """\
# Completes the command lines of ankong in fish: ankong completion fish
function __ankong_at
    set -l chain ''
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch "$chain|$word"
{steps}
{values}
        end
    end
    test "$chain" = "$argv[1]"
end
complete -c ankong -f
{rows}
"""
_POWERSHELL: Final = """\
# Completes the command lines of ankong in PowerShell: ankong completion powershell
Register-ArgumentCompleter -Native -CommandName 'ankong', 'ankong.exe' -ScriptBlock {{
    param($wordToComplete, $commandAst, $cursorPosition)
    $steps = @{{
{steps}
    }}
    $values = @{{
{values}
    }}
    $options = @{{
{options}
    }}
    $operands = @{{
{operands}
    }}
    $chain = ''
    $want = $null
    foreach ($element in @($commandAst.CommandElements | Select-Object -Skip 1)) {{
        if ($element.Extent.EndOffset -ge $cursorPosition) {{ break }}
        $key = "$chain|$($element.Extent.Text)"
        if ($null -ne $want) {{ $want = $null }}
        elseif ($values.ContainsKey($key)) {{ $want = $values[$key] }}
        elseif ($steps.ContainsKey($key)) {{ $chain = $steps[$key] }}
    }}
    if ($null -ne $want) {{ $list = $want }}
    elseif ($wordToComplete.StartsWith('-')) {{ $list = $options[$chain] }}
    else {{ $list = $operands[$chain] }}
    if ($list -eq '/') {{ return }}
    $list.Split(' ') | Where-Object {{ $_ -and $_.StartsWith($wordToComplete) }} | ForEach-Object {{
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }}
}}
"""


def write_bash(shapes: Shapes) -> str:
    """Return the script for bash 3.2 and later."""
    return _BASH.format(**_posix_tables(shapes))


def write_zsh(shapes: Shapes) -> str:
    """Return the script for zsh: a file ``_ankong`` of a folder in ``fpath``, or sourced."""
    return _ZSH.format(**_posix_tables(shapes))


def write_fish(shapes: Shapes) -> str:
    """Return the script for fish, which shows what each word does."""
    texts = {shape.path: shape.text for shape in shapes}
    steps = (
        f"            case '{key}'\n                set chain '{to}'" for key, to in _steps(shapes)
    )
    values = (f"            case '{key}'\n                set skip 1" for key, _ in _values(shapes))
    rows = [row for shape in shapes for row in _fish_rows(shape, texts)]
    return _FISH.format(steps="\n".join(steps), values="\n".join(values), rows="\n".join(rows))


def _fish_rows(shape: CommandShape, texts: Mapping[str, str]) -> Iterator[str]:
    here = f"complete -c ankong -n '__ankong_at \"{shape.path}\"'"
    for name in shape.commands:
        text = texts[f"{shape.path} {name}".strip()]
        yield f"{here} -a {name} -d {_fish_quoted(text)}"
    for value in shape.operands:
        if value.is_path:
            yield f"{here} -F"
        elif value.words:
            yield f"{here} -a '{' '.join(value.words)}'"
    for option in shape.options:
        yield f"{here} {_fish_option(option)} -d {_fish_quoted(option.text)}"


def _fish_option(option: OptionShape) -> str:
    names = [f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names]
    if option.value is None:
        return " ".join(names)
    if option.value.is_path:
        return " ".join([*names, "-r -F"])
    return " ".join([*names, f"-x -a '{' '.join(option.value.words)}'"])


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def write_powershell(shapes: Shapes) -> str:
    """Return the script for Windows PowerShell 5.1 and PowerShell 7."""

    def table(rows: Iterator[tuple[str, str]]) -> str:
        return "\n".join(f"        '{key}' = '{value}'" for key, value in rows)

    return _POWERSHELL.format(
        steps=table(_steps(shapes)),
        values=table(_values(shapes)),
        options=table((each.path, _options(each)) for each in shapes),
        operands=table((each.path, _operands(each)) for each in shapes),
    )


WRITERS: Final[Mapping[str, Callable[[Shapes], str]]] = {
    "bash": write_bash,
    "zsh": write_zsh,
    "fish": write_fish,
    "powershell": write_powershell,
}
"""What writes the script of each shell, by the shell's name."""

"""What bash and zsh complete after "pulse", from the program's own help."""
from command_help import Command, Entry

# Options whose value is a file or a folder; other values cannot be guessed.
FILE_OPTIONS = ("--config", "--data-dir", "--tls-cert", "--tls-key", "--api-key-file", "--out")


def long_names(entries: list[Entry]) -> list[str]:
    return [name for entry in entries for name in entry.names if name.startswith("--")]


def words_after(command: Command) -> list[str]:
    return [entry.names[0] for entry in command.subcommands] + long_names(command.options)


def bash(root: Command) -> str:
    cases = "\n".join(
        f"    '{' '.join(command.words)}') candidates='{' '.join(words_after(command))}' ;;" for command in root.all()
    )
    commands = "|".join(f"'{' '.join(command.words)}'" for command in root.all()[1:])
    valued = "|".join(sorted({name for c in root.all() for e in c.options if e.takes_value for name in e.names}))
    return f"""# bash completion for pulse, made from the program's own help.
_pulse() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command='' candidates='' index
  COMPREPLY=()
  case $previous in
    {'|'.join(FILE_OPTIONS)})
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return ;;
    {valued}) return ;;
  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "${{command:+$command }}${{COMP_WORDS[index]}}" in
      {commands}) command="${{command:+$command }}${{COMP_WORDS[index]}}" ;;
    esac
  done
  case $command in
{cases}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$current")
}}
complete -o filenames -F _pulse pulse
"""


def described(name: str, text: str) -> str:
    """One element of an array that zsh's _describe takes."""
    quoted = text.replace("\\", "\\\\").replace("'", "'\\''")
    return "'" + name.replace(":", "\\:") + ":" + quoted + "'"


def zsh(root: Command) -> str:
    cases = []
    for command in root.all():
        entries = [(entry.names[0], entry.text) for entry in command.subcommands]
        entries += [(name, entry.text) for entry in command.options for name in long_names([entry])]
        lines = "\n".join(f"      {described(name, text)}" for name, text in entries)
        cases.append(f"    '{' '.join(command.words)}')\n      candidates=(\n{lines}\n      ) ;;")
    commands = "|".join(f"'{' '.join(command.words)}'" for command in root.all()[1:])
    valued = "|".join(sorted({name for c in root.all() for e in c.options if e.takes_value for name in e.names}))
    newline = "\n"
    return f"""#compdef pulse
# zsh completion for pulse, made from the program's own help.
local command='' word
local -a candidates
case ${{words[CURRENT-1]}} in
  {'|'.join(FILE_OPTIONS)}) _files; return ;;
  {valued}) return ;;
esac
for word in ${{words[2,CURRENT-1]}}; do
  case "${{command:+$command }}$word" in
    {commands}) command="${{command:+$command }}$word" ;;
  esac
done
case $command in
{newline.join(cases)}
esac
_describe 'pulse' candidates
"""

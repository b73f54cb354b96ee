"""The manual page pulse(1), from the program's own help."""
from command_help import Command, Entry

FILES = [
    ("/etc/pulse/pulse.toml", "Settings of the service, as docs/configuration.md lists them."),
    ("/etc/pulse/environment", "Variables of the service, among them the database's URL. Only root may read it."),
    ("/var/lib/pulse", "The event log and all state of the service, or of a server that root has started."),
    ("~/.local/state/pulse", "The same of a server that another user has started."),
]
EXIT_CODES = [("0", "Done."), ("1", "Failed; the reason is on standard error."), ("2", "The command line or a setting cannot be understood.")]


def escaped(text: str) -> str:
    """Text that troff takes as it stands."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{text}" if text.startswith(".") else text


def tagged(term: str, text: str) -> list[str]:
    return [".TP", f".B {escaped(term)}", escaped(text)]


def options(entries: list[Entry]) -> list[str]:
    return [line for entry in entries for line in tagged(entry.term.replace(",", ", "), entry.text + ".")]


def about(command: Command) -> list[str]:
    lines = [f".SS {escaped(' '.join(('pulse', *command.words)))}", escaped(command.description + ".")]
    lines += [".PP", f".B {escaped(command.usage)}"]
    return lines + options(command.positionals) + options([one for one in command.options if "--help" not in one.names])


def manual(root: Command, version: str, date: str) -> str:
    """`date` is the page's, as YYYY-MM-DD."""
    lines = [
        f'.TH PULSE 1 "{date}" "pulse {version}" "User Commands"',
        ".SH NAME", "pulse \\- streams the row changes of a PostgreSQL database to applications",
        ".SH SYNOPSIS", f".B {escaped(root.usage)}",
        ".SH DESCRIPTION", escaped(root.description),
        "It reads the write\\-ahead log by logical replication and stores every insert, update and delete durably.",
        "It delivers each at least once and in commit order, through named, resumable cursors.",
        ".SH OPTIONS", *options(root.options),
        ".SH COMMANDS",
    ]
    for command in root.all()[1:]:
        if not command.below:
            lines += about(command)
    lines += [".SH EXIT STATUS", *(line for code, text in EXIT_CODES for line in tagged(code, text))]
    lines += [".SH FILES", *(line for path, text in FILES for line in tagged(path, text))]
    lines += [".SH EXAMPLES", ".nf", *(escaped(line.strip()) for line in root.footer.splitlines()[1:]), ".fi"]
    return "\n".join(lines) + "\n"

"""The program's commands and options, as its own help tells them."""
import dataclasses
import re
import subprocess

SECTIONS = ("Positionals", "Options", "Subcommands")
# Two spaces, what is explained, and either two spaces more or the next line's explanation.
ENTRY = re.compile(r"^  (\S.*?)(?:\s{2,}(.*))?$")
CONTINUED = re.compile(r"^\s{10,}(\S.*)$")


@dataclasses.dataclass
class Entry:
    term: str  # "--database TEXT", "-h,--help", "table TEXT REQUIRED", "serve"
    text: str

    @property
    def names(self) -> list[str]:
        return self.term.split()[0].split(",")

    @property
    def takes_value(self) -> bool:
        return "TEXT" in self.term or "INT" in self.term or "UINT" in self.term


@dataclasses.dataclass
class Command:
    words: tuple[str, ...]  # ("streams", "seek"); the program itself has none
    description: str
    usage: str
    footer: str
    positionals: list[Entry]
    options: list[Entry]
    subcommands: list[Entry]
    below: list["Command"] = dataclasses.field(default_factory=list)

    def all(self) -> list["Command"]:
        """This command and all below it, in the help's order."""
        return [self, *(one for command in self.below for one in command.all())]


def parse(words: tuple[str, ...], text: str) -> Command:
    """Raises ValueError when the help has a form that this does not know."""
    description, _, rest = text.partition("\nUsage: ")
    usage, _, rest = rest.partition("\n")
    entries: dict[str, list[Entry]] = {name: [] for name in SECTIONS}
    footer = ""
    section = None
    for line in rest.splitlines():
        heading = line.removesuffix(":")
        if heading in SECTIONS:
            section = heading
        elif line and not line.startswith(" "):
            footer = rest[rest.index(line) :].strip()
            break
        elif section and (entry := ENTRY.match(line)) and not CONTINUED.match(line):
            entries[section].append(Entry(entry[1], entry[2] or ""))
        elif section and (more := CONTINUED.match(line)):
            last = entries[section][-1]
            last.text = f"{last.text} {more[1]}".strip()
        elif line.strip():
            raise ValueError(f"the help of \"pulse {' '.join(words)}\" has a line of unknown form: {line}")
    if not usage or not entries["Options"]:
        raise ValueError(f"the help of \"pulse {' '.join(words)}\" has no usage or no options")
    return Command(
        words, description.strip(), usage.strip(), footer, entries["Positionals"], entries["Options"], entries["Subcommands"]
    )


def read(program: str, words: tuple[str, ...] = ()) -> Command:
    """Asks the program for its help and that of every command below `words`."""
    text = subprocess.run([program, *words, "--help"], check=True, capture_output=True, text=True).stdout
    command = parse(words, text)
    command.below = [read(program, (*words, entry.names[0])) for entry in command.subcommands]
    return command

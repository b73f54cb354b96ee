"""What a program can check of the rules for prose in CONTRIBUTING.md: words, lengths of sentences and lines.

problems(NAME, TEXT) yields what is wrong in a document or a source file.
"""
import re

WORDS_MAX = 32
LINE_MAX = 110
ROW_MAX = 260

# Words that docs/reference/glossary.md replaces, and the words to write.
BANNED = [(re.compile(pattern, re.I), instead) for pattern, instead in [
    (r"\b(?:go|goes|went|gone|going) on\b(?! top)", "continue, resume"),
    (r"\banew\b", "again, from scratch"),
    (r"\bmend(?:s|ed|ing)?\b", "fix"),
    (r"\bfigures\b", "metrics"),
    (r"\bstrangers?\b", "unauthenticated clients"),
    (r"\bpassed over\b", "skipped"),
    (r"\b(?:make|makes|made|making) way\b", "advance, is disconnected, hand over"),
    (r"\bnever happened\b|\bvanish(?:ed|es)?\b", "orphaned events"),
    (r"\bset back\b", "restored from an earlier copy"),
    (r"\bkeyless\b", "without a replica identity"),
    (r"\bbehind (?:the URL|it|them|that|a gap|the gap)\b", "at the URL, after"),
    (r"\bis another's\b", "name the owner"),
    (r"\bunbroken\b", "contiguous"),
    (r"\b(?:official|published) clients?\b", "the client extension"),
    (r", say[,.;)]", "for example"),
    (r"\bbar(?:s|red)\b", "blocks"),
    (r"\b(?:say|says|said) so\b", "logs, returns, reports"),
    (r"\bfor want of\b", "because there is no"),
    (r"\b(?:stands?|standing) by\b", "waits"),
    (r"\b(?:idle|durable) mark\b", "durable LSN"),
    (r"\bwhat (?:was|is) (?:stored|captured|committed|sent|acknowledged|delivered|dropped|written)\b", "name the thing"),
]]
# In code and in the server log, it is the word.
BANNED_IN_DOCUMENTS = [*BANNED, (re.compile(r"(?<!exec )\bhand-overs?\b", re.I), "zero-downtime restart, exec hand-over")]

QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
FENCE = re.compile(r"^ *```.*?^ *```$", re.M | re.S)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def _blank(match):
    """As many lines as before, so that the numbers of the lines stay."""
    return "\n" * match.group().count("\n")


def words(number, text, banned=BANNED):
    """Where a banned word is, for a text whose first line has this number."""
    for pattern, instead in banned:
        for found in pattern.finditer(text):
            yield number + text.count("\n", 0, found.start()), f'"{found.group()}"; write: {instead}'


def _paragraphs(text):
    """Each paragraph and item of a list, with the number of its first line."""
    number, begun, lines = 0, 0, []
    for line in text.split("\n") + [""]:
        number += 1
        ends = not line.strip() or line.startswith(("#", "|"))
        if ends or re.match(r" *(?:[-*]|\d+\.) ", line):
            if lines:
                yield begun, " ".join(lines)
            lines = []
        if not ends:
            begun = begun if lines else number
            lines.append(line.strip())


def document(text):
    """Line numbers and what is wrong there."""
    prose = FENCE.sub(_blank, text)
    for number, line in enumerate(prose.split("\n"), 1):
        limit = ROW_MAX if line.lstrip().startswith("|") else LINE_MAX
        if len(line) > limit and "](http" not in line:
            yield number, f"{len(line)} characters, more than {limit}"
    plain = LINK.sub(lambda link: link[1], re.sub(r"`[^`]*`", "x", prose))
    yield from words(1, plain, BANNED_IN_DOCUMENTS)
    for number, paragraph in _paragraphs(plain):
        for sentence in re.split(r"(?<=[.!?:;])\s", paragraph):
            count = len(re.findall(r"[\w'’-]+", sentence))
            if count > WORDS_MAX:
                yield number, f"a sentence of {count} words, more than {WORDS_MAX}: {sentence[:60]}…"


def source(text, is_header):
    """The words of messages, help and log lines (texts of three words or more), and of comments in headers."""
    begun, comment = 0, []
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("//"):
            begun = begun if comment else number
            comment.append(line.strip("/ "))
            continue
        if is_header:
            yield from words(begun, QUOTED.sub("x", " ".join(comment)))
        comment = []
        for quoted in QUOTED.findall(line):
            if len(quoted.split()) >= 3:
                yield from words(number, quoted)


def problems(name, text):
    if name.endswith(".md"):
        found = document(text)
    elif name.startswith("src/") and name.endswith((".cpp", ".hpp")):
        found = source(text, name.endswith(".hpp"))
    else:
        return
    for number, what in sorted(set(found)):
        yield f"{name}:{number}: {what}"


def self_test():
    """What is found and what is not, one case a line."""
    few = " ".join(["w"] * WORDS_MAX)
    many = few + " w"
    wrong = [("a.md", "Pulse goes on."), ("a.md", "A\nstranger."), ("a.md", f"{many}."), ("a.md", f"* {many}"),
             ("a.md", "a" * (LINE_MAX + 1)), ("a.md", "| " + "a" * ROW_MAX + " |"), ("a.md", "[it mends](b.md)"),
             ("src/a.cpp", 'log("capture goes on there");'), ("src/a.hpp", 'help("starts anew here")'),
             ("src/a.hpp", "// It goes\n// on.\nvoid f();")]
    right = [("a.md", "Pulse `goes on`."), ("a.md", "```sh\ngoes on\n```"), ("a.md", f"{few}.\n{few}."),
             ("a.md", "a" * LINE_MAX), ("a.ts", "it goes on"), ("src/a.cpp", "// it goes on\nadd(\"set_back\");")]
    for name, text in wrong:
        assert list(problems(name, text)), (name, text)
    for name, text in right:
        assert not list(problems(name, text)), (name, text)

#!/usr/bin/env python3
"""Whether each line of the log that is about one project names it (the field `project`).

    check_log_lines.py ROOT        checks src/
    check_log_lines.py --self-test whether this check finds a line without it
"""
import pathlib
import re
import sys

# Where everything belongs to one project.
FOLDERS = ("log", "source", "streams", "control", "capture")
FILES = ("project", "cursor_keeper")
LOG = re.compile(r"\blog_(?:info|warning|error|event)\(")


def calls(text):
    """The line number and text of each call, to its closing bracket."""
    for found in LOG.finditer(text):
        depth, at = 1, found.end()
        while depth and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        yield text.count("\n", 0, found.start()) + 1, text[found.start() : at]


def without_project(name, text):
    return [f"{name}:{line}: a log line without {{\"project\", …}}" for line, call in calls(text) if '"project"' not in call]


def main(root):
    wrong = []
    for path in sorted((root / "src").rglob("*.cpp")):
        folder = path.relative_to(root / "src").parts[0]
        if folder in FOLDERS or (folder == "app" and path.name.startswith(FILES)):
            wrong += without_project(path.relative_to(root), path.read_text())
    print("\n".join(wrong))
    return 1 if wrong else 0


def self_test():
    good = 'log_info("log", "a (b)", {{"project", name}, {"n", 1}});'
    bad = 'log_warning("log", "gone", {{"n", f(1)}});'
    return 0 if not without_project("good", good) and without_project("bad", bad) else 1


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1] == "--self-test" else main(pathlib.Path(sys.argv[1])))

#!/usr/bin/env python3
"""Writes the manual page and the shells' completions. generate.py PROGRAM VERSION DATE FOLDER"""
import pathlib
import sys

sys.dont_write_bytecode = True
import command_help  # noqa: E402
import completions  # noqa: E402
import manual  # noqa: E402


def main() -> int:
    program, version, date, folder = sys.argv[1:]
    root = command_help.read(program)
    files = {
        "pulse.1": manual.manual(root, version, date),
        "pulse.bash": completions.bash(root),
        "_pulse": completions.zsh(root),
    }
    for name, text in files.items():
        (pathlib.Path(folder) / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Checks that a folder under src/ includes only itself and folders above it in src/layers.txt, and that what it declares
is in the namespace of its name.

check_layers.py ROOT        checks the tree
check_layers.py --self-test checks that the check can fail
"""
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
NAMESPACE = re.compile(r"^namespace pulse(?:::(\w+))?[\w:]* \{", re.MULTILINE)
# The vocabulary of all folders is in `pulse` itself.
WITHOUT_NAMESPACE = ("base", "change")


def violations(root: pathlib.Path) -> list[str]:
    source = root / "src"
    order = (source / "layers.txt").read_text().split()
    found = []
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        if folder.name not in order:
            found.append(f"src/{folder.name} is not listed in src/layers.txt")
            continue
        allowed = order[: order.index(folder.name) + 1]
        for file in sorted(folder.rglob("*.[ch]pp")):
            where = file.relative_to(root)
            text = file.read_text()
            own = "" if folder.name in WITHOUT_NAMESPACE else folder.name
            for namespace in NAMESPACE.findall(text):
                if namespace != own and namespace in ["", *order]:
                    found.append(f"{where}: declares in pulse::{namespace}, not in pulse::{own}")
            for included in INCLUDE.findall(text):
                target = included.split("/", 1)[0]
                if "/" not in included:
                    found.append(f'{where}: "{included}" must be written with its folder')
                elif target not in allowed:
                    found.append(f'{where}: includes "{included}", and {folder.name}/ stands before {target}/')
    return found


def self_test() -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "src/base").mkdir(parents=True)
        (root / "src/log").mkdir()
        (root / "src/layers.txt").write_text("base\nlog\n")
        (root / "src/log/good.cpp").write_text('#include "base/error.hpp"\n#include "log/good.hpp"\n')
        if violations(root):
            return ["a good include was refused"]
        (root / "src/base/bad.cpp").write_text('#include "log/good.hpp"\n')
        if len(violations(root)) != 1:
            return ["a bad include was not found"]
        (root / "src/base/bad.cpp").write_text("namespace pulse::log {\n}\n")
        if len(violations(root)) != 1:
            return ["a namespace of another folder was not found"]
    return []


if __name__ == "__main__":
    problems = self_test() if sys.argv[1] == "--self-test" else violations(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) or "layers are in order")
    sys.exit(1 if problems else 0)

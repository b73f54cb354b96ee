#!/usr/bin/env python3
"""Checks that a folder under src/ includes only itself and folders above it in src/layers.txt.

check_layers.py ROOT        checks the tree
check_layers.py --self-test checks that the check can fail
"""
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


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
            for included in INCLUDE.findall(file.read_text()):
                target = included.split("/", 1)[0]
                where = file.relative_to(root)
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
    return []


if __name__ == "__main__":
    problems = self_test() if sys.argv[1] == "--self-test" else violations(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) or "layers are in order")
    sys.exit(1 if problems else 0)

#!/usr/bin/env python3
"""Whether what only Linux has stays in the files that docs/how-to/install.md names.

    check_platform.py ROOT        checks src/
    check_platform.py --self-test whether this check finds such a call elsewhere
"""
import pathlib
import re
import sys

DOCUMENT = "docs/how-to/install.md"
CHAPTER = "## macOS and others"
# Calls, headers and files of Linux alone.
LINUX = re.compile(
    r"\bprctl\(|<sys/prctl\.h>|<linux/|\"/proc/|\bpipe2\(|\baccept4\(|\bfdatasync\(|\bposix_fallocate\(|_addclosefrom_np\(|"
    r"\bmemfd_create\(|\bpidfd_|\brenameat2\(|\bsyncfs\(|\bclose_range\(|<sys/(?:auxv|epoll|eventfd|inotify|random)\.h>|\bSO_PEERCRED\b"
)


def named_in(document):
    """The files of the chapter's list."""
    chapter = document.split(CHAPTER, 1)[-1].split("\n## ", 1)[0]
    return set(re.findall(r"`(src/[a-z0-9_/]+\.cpp)`", chapter))


def lines_elsewhere(name, text, named):
    if name in named:
        return []
    return [
        f"{name}:{number}: only Linux has this; put it into a file that {DOCUMENT} names: {line.strip()}"
        for number, line in enumerate(text.splitlines(), 1)
        if LINUX.search(line)
    ]


def main(root):
    named = named_in((root / DOCUMENT).read_text())
    wrong, found = [], set()
    for path in sorted((root / "src").rglob("*.?pp")):
        name = path.relative_to(root).as_posix()
        text = path.read_text()
        wrong += lines_elsewhere(name, text, named)
        if LINUX.search(text):
            found.add(name)
    wrong += [f"{DOCUMENT}: {name} has nothing that only Linux has" for name in sorted(named - found)]
    print("\n".join(wrong))
    return 1 if wrong else 0


def self_test():
    document = f"{CHAPTER}\n\n| `src/log/storage.cpp` | `fdatasync` |\n\n## Next\n\n`src/app/other.cpp`\n"
    named = named_in(document)
    found = lines_elsewhere("src/app/other.cpp", "if (::fdatasync(file) != 0) return;", named)
    allowed = lines_elsewhere("src/log/storage.cpp", "if (::fdatasync(file) != 0) return;", named)
    return 0 if found and not allowed and not lines_elsewhere("a", "fsync(file);", named) else 1


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1] == "--self-test" else main(pathlib.Path(sys.argv[1])))

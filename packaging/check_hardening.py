#!/usr/bin/env python3
"""Says what of the compiler's and the linker's protection a program lacks. Exit code 0: nothing."""

import re
import subprocess
import sys


def readelf(*arguments: str) -> str:
    return subprocess.run(["readelf", "-W", *arguments], check=True, capture_output=True, text=True).stdout


# What marks the places to which an indirect branch may lead, by the machine that a program is for; how to disassemble it
# on another one; and the compiler's option.
BRANCHES = {
    "X86-64": (r"\bendbr64\b", "x86_64-linux-gnu-objdump", "-fcf-protection"),
    "AArch64": (r"\bbti\b", "aarch64-linux-gnu-objdump", "-mbranch-protection"),
}


def missing(program: str) -> list[str]:
    header = readelf("-h", program)
    segments = readelf("-l", program)
    dynamic = readelf("-d", program)
    symbols = readelf("--dyn-syms", program)
    checks = {
        "position-independent code (-pie)": "DYN (" in header,
        "read-only relocations (-z relro)": "GNU_RELRO" in segments,
        "all symbols bound at the start (-z now)": "BIND_NOW" in dynamic or " NOW" in dynamic,
        "a stack that is not executed": not any(
            "GNU_STACK" in line and "RWE" in line for line in segments.splitlines()
        ),
        "stack protector (-fstack-protector-strong)": "__stack_chk_fail" in symbols,
        "checked string functions (_FORTIFY_SOURCE)": re.search(r"\b__(?!stack)\w+_chk\b", symbols) is not None,
        "standard library assertions (_GLIBCXX_ASSERTIONS)": "__glibcxx_assert_fail" in symbols,
    }
    for machine, (mark, objdump, option) in BRANCHES.items():
        if machine in header:
            disassemble = [objdump, "-d", "--no-show-raw-insn", program]
            code = subprocess.run(disassemble, check=True, capture_output=True, text=True).stdout
            checks[f"indirect branch targets ({option})"] = re.search(mark, code) is not None
    return [name for name, there in checks.items() if not there]


def main() -> int:
    lacks = missing(sys.argv[1])
    for name in lacks:
        print(f"{sys.argv[1]} is built without {name}", file=sys.stderr)
    return 1 if lacks else 0


if __name__ == "__main__":
    sys.exit(main())

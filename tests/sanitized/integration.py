#!/usr/bin/env python3
"""Runs integration tests against a server that is built with a sanitizer.

tests/sanitized/integration.py asan          a third of them, chosen by the commit; tsan: another third
tests/sanitized/integration.py asan --all    all
tests/sanitized/integration.py tsan NAME…    these, such as `sigterm`

First makes sure that tests/sanitized/bad.cpp is reported. A sanitizer's report ends the server that it is about, so that its test fails. It is written to build/sanitized/PRESET, and
shown at the end: a server may end where its test does not look.
"""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BAD = ROOT / "tests/sanitized/bad.cpp"
PARTS = 3

# Of the tests with the client extension, those about the server's own processes and streams.
ALSO = ["client/hand_over", "client/named_streams"]

# Tests that say nothing about a server with a sanitizer, by their file's name, and why.
LEFT_OUT = {
    "bounded": "holds the server to its memory; a sanitizer has its own beside it",
    "many_connections": "measures the memory of a connection",
    "slow_consumers": "measures the memory of a server",
    "dashboards": "asks Prometheus, about what the server counts",
    "readme": "starts what script/build has built",
    "failing_sync": "loads a library before all others, where a sanitizer's has to be",
}

# The first report ends the process, with this exit code. Places are named by what comes with the linker: LLVM's own
# program is in a package of half a gigabyte.
EXIT_CODE = 66
COMMON = "halt_on_error=1:external_symbolizer_path={symbolizer}:exitcode={code}:log_path={log}"
OPTIONS = {
    "asan": {
        "ASAN_OPTIONS": f"{COMMON}:detect_stack_use_after_return=1",
        "LSAN_OPTIONS": "exitcode={code}",
        "UBSAN_OPTIONS": f"{COMMON}:print_stacktrace=1",
    },
    "tsan": {
        "TSAN_OPTIONS": f"{COMMON}:second_deadlock_stack=1:suppressions={{suppressions}}",
    },
}
# How many times longer than for the server that is shipped a test waits before it fails.
PATIENCE = "4"
# The commit's part for one is not that for the other.
FIRST_PART = {"asan": 0, "tsan": 1}


def choose(preset: str, arguments: list[str]) -> list[str]:
    """Names of files below tests/."""
    found = sorted(ROOT.glob("tests/integration/*.test.ts"))
    names = [*(f"integration/{file.name.removesuffix('.test.ts')}" for file in found), *ALSO]
    short = {name.split("/")[1]: name for name in names}
    unknown = [name for name in [*LEFT_OUT, *arguments] if name not in short and name != "--all"]
    if unknown:
        sys.exit(f"no integration test {', '.join(unknown)}")
    if arguments and arguments != ["--all"]:
        return [short[name] for name in arguments]
    names = [name for word, name in short.items() if word not in LEFT_OUT]
    if arguments == ["--all"]:
        return names
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    part = (int(head.strip() or "0", 16) + FIRST_PART[preset]) % PARTS
    print(f"{preset}: part {part + 1} of {PARTS} of the integration tests: {', '.join(names[part::PARTS])}", flush=True)
    return names[part::PARTS]


def check_reports(preset: str, reports: pathlib.Path, environment: dict[str, str]) -> bool:
    """Whether a program that does wrong ends with the exit code, and leaves a report that names the place."""
    program = reports / "bad"
    kinds = {"asan": "address,undefined", "tsan": "thread"}
    subprocess.run(
        ["clang++-19", "-std=c++20", "-g1", f"-fsanitize={kinds[preset]}", BAD, "-o", program], check=True
    )
    ended = subprocess.run([program, preset], env=environment, check=False)
    program.unlink()
    found = [report.read_text(errors="replace") for report in reports.iterdir()]
    for report in reports.iterdir():
        report.unlink()
    if ended.returncode == EXIT_CODE and len(found) == 1 and BAD.name in found[0]:
        return True
    print(f"{preset}: it ended with {ended.returncode}, and {len(found)} reports", *found, sep="\n")
    return False


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in OPTIONS:
        print(__doc__.strip())
        return 2
    preset = sys.argv[1]
    chosen = choose(preset, sys.argv[2:])
    for name in sorted(LEFT_OUT):
        print(f"{preset}: left out: {name}: {LEFT_OUT[name]}")
    build = ROOT / "build" / preset
    reports = ROOT / "build/sanitized" / preset
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    values = {
        "code": EXIT_CODE, "log": reports / "report", "suppressions": ROOT / "tests/sanitized/tsan_suppressions.txt",
        "symbolizer": shutil.which("addr2line") or "",
    }
    environment = {
        **os.environ,
        "PULSE_TEST_PATIENCE": PATIENCE,
        "PULSE_BIN": str(build / "pulse"),
        "PULSE_FAILPOINTS_BIN": str(build / "pulse_failpoints"),
        **{name: text.format(**values) for name, text in OPTIONS[preset].items()},
    }
    if not check_reports(preset, reports, environment):
        print(f"{preset}: {BAD.relative_to(ROOT)} was not reported as it should be")
        return 1
    print(f"{preset}: {BAD.relative_to(ROOT)} is reported", flush=True)
    files = [f"build/ts/tests/{name}.test.js" for name in chosen]
    ended = subprocess.run(["node", "--test", "--test-concurrency=1", *files], cwd=ROOT, env=environment, check=False)
    found = sorted(reports.iterdir())
    for report in found:
        print(f"== {report.relative_to(ROOT)}\n{report.read_text(errors='replace')}")
    print(f"{preset}: {len(chosen)} files of integration tests, {len(found)} reports")
    return 1 if found or ended.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())

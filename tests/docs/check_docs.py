#!/usr/bin/env python3
"""Holds the documents to the code. check_docs.py ROOT, or --self-test."""
import pathlib
import re
import subprocess
import sys
import tempfile

LINES_MAX = 400
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
METRIC = re.compile(r'(?:counter|gauge)\(\s*"(pulse_[a-z0-9_]+)"')
SETTING = re.compile(r'^\s*\{"([a-z_]+)",\s*(?:\n\s*)?\[\]\(auto', re.M)
# A link to a file of tests, and behind its colon the names of some of them.
TESTS = re.compile(r"\]\(([^)\s]+)\):((?:,?\s*`[a-z0-9_]+`)+)")
NAME = re.compile(r"`([a-z0-9_]+)`")
# In TypeScript a name is a text of its own, perhaps completed by a variable; in C++ it stands behind its suite's.
TEST_NAME = {".ts": r"['`]{}['`],", ".cpp": r"^(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP)\(\w+,\s*{}[,)]"}
GUARANTEES = "docs/delivery_guarantees.md"
# Put together from parts, so that this file passes its own check.
MACHINE_PATH = re.compile(r"(?<![\w.}/$])/" + r"(?:work|root)/")
REGISTRY = re.compile("|".join([r"registry\." + r"npmjs", r"deb\." + r"debian\.org", r"pypi\." + r"org"]))


def named(word, text):
    return re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", text) is not None


def has_test(name, file, text):
    form = TEST_NAME.get(pathlib.Path(file).suffix, "{}")
    if re.search(form.format(name), text, re.M):
        return True
    variable = re.findall(r"`([a-z0-9_]+)\$\{\w+\}`,", text)
    return any(name.startswith(begin) for begin in variable)


def missing_tests(name, text, root, texts):
    for target, tests in TESTS.findall(text):
        file = str((root / name).parent.joinpath(target).resolve().relative_to(root.resolve()))
        for test in NAME.findall(tests):
            if not has_test(test, file, texts.get(file, "")):
                yield f"{name}: no test {test} in {file}"


def without_test(text):
    """What is promised and names no test: sections, and rows of tables that have a column for it."""
    for section in text.split("\n## ")[1:]:
        if not TESTS.search(section):
            yield f"the section {section.splitlines()[0]}"
        for table in re.findall(r"^\|.*\| held by \|\n\|[- |]+\n((?:\|.*\n)+)", section, re.M):
            yield from (f"the row {row.split('|')[1].strip()}" for row in table.splitlines() if not TESTS.search(row))


def check(root, files):
    wrong = []
    texts = {}
    for name in files:
        try:
            texts[name] = (root / name).read_text()
        except (UnicodeDecodeError, IsADirectoryError, FileNotFoundError):
            continue
    metrics = texts.get("docs/metrics.md", "")
    settings = texts.get("docs/configuration.md", "")
    for name, text in texts.items():
        if name.endswith(".md"):
            for target in LINK.findall(text):
                path = target.split("#")[0]
                if path and ":" not in path and not (root / name).parent.joinpath(path).exists():
                    wrong.append(f"{name}: no file {target}")
            wrong += missing_tests(name, text, root, texts)
        if name == GUARANTEES:
            wrong += [f"{name}: {promise} names no test" for promise in without_test(text)]
        if name.startswith("src/"):
            if text.count("\n") > LINES_MAX:
                wrong.append(f"{name}: more than {LINES_MAX} lines")
            wrong += [f"{name}: metric {m} is not in docs/metrics.md"
                      for m in METRIC.findall(text) if not named(m, metrics)]
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line):
                wrong.append(f"{name}:{number}: a machine's path")
            if REGISTRY.search(line):
                wrong.append(f"{name}:{number}: a registry's host")
    known = SETTING.findall(texts.get("src/app/config_settings.cpp", ""))
    if not known:
        wrong.append("src/app/config_settings.cpp: no settings found")
    wrong += [f"setting {s} is not in docs/configuration.md" for s in known if not named(s, settings)]
    return wrong, len(known), sum(len(METRIC.findall(t)) for n, t in texts.items() if n.startswith("src/"))


def self_test():
    row = "| a | held by |\n| --- | --- |\n| b | [a](../tests/a.test.ts): `holds`, `holds_1` |\n"
    held = f"# T\n\n## A\n\n{row}\n## B\n\n[a](../tests/a_test.cpp):\n`holds_too`\n"
    good = {"README.md": "[a](docs/metrics.md)", "docs/metrics.md": "`pulse_a`", "docs/configuration.md": "`listen`",
            "src/app/config_settings.cpp": '  {"listen",\n   [](auto& to) {}},\n', "src/a.cpp": 'counter("pulse_a"',
            "tests/a.test.ts": "scenario('holds', b); scenario(`holds_${n}`, b)", "tests/a_test.cpp": "TEST(a, holds_too)",
            GUARANTEES: held}
    bad = [("README.md", "[a](docs/none.md)"), ("docs/metrics.md", "pulse_ab"), ("docs/configuration.md", "admin_listen"),
           ("src/a.cpp", 'counter("pulse_a"' + "\n" * (LINES_MAX + 1)), ("x", "/" + "work/a"),
           ("y", "https://registry." + "npmjs.org/"), ("tests/a.test.ts", "scenario('holds', b)"),
           ("tests/a_test.cpp", "TEST(a, holds)"), (GUARANTEES, held + "\n## C\n"),
           (GUARANTEES, held.replace(row, row + "| c | d |\n"))]
    for change in [{}, *({name: text} for name, text in bad)]:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for name, text in (good | change).items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            wrong = check(root, list(good | change))[0]
            if bool(wrong) != bool(change):
                sys.exit(f"{change}: {wrong}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    else:
        top = pathlib.Path(sys.argv[1])
        listed = subprocess.run(["git", "-C", top, "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
        failures, n_settings, n_metrics = check(top, [n for n in listed.split("\0") if n])
        print(f"{n_settings} settings, {n_metrics} metrics checked")
        print("\n".join(failures))
        sys.exit(1 if failures else 0)

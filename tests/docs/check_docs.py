#!/usr/bin/env python3
"""Holds the documents to the code. check_docs.py ROOT, or --self-test."""
import pathlib
import re
import subprocess
import sys
import tempfile

import prose

LINES_MAX = 400
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
METRIC = re.compile(r'(?:counter|gauge)\(\s*"(pulse_[a-z0-9_]+)"')
SETTING = re.compile(r'^\s*\{"([a-z_]+)",\s*(?:\n\s*)?\[\]\(auto', re.M)
# A link to a file of tests, and behind its colon the names of some of them.
TESTS = re.compile(r"\]\(([^)\s]+)\):((?:,?\s*`[a-z0-9_]+`)+)")
NAME = re.compile(r"`([a-z0-9_]+)`")
# In TypeScript a name is a text of its own, perhaps completed by a variable; in C++ it stands behind its suite's.
TEST_NAME = {".ts": r"['`]{}['`],", ".cpp": r"^(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP)\(\w+,\s*{}[,)]"}
# What is promised, and with the same headings which tests hold it.
GUARANTEES = "docs/delivery_guarantees.md"
GUARANTEE_TESTS = "docs/development/guarantee_tests.md"
ALERTS = "packaging/prometheus/alerts.yml"
ALERT = re.compile(r"^ +- alert: (\w+)$", re.M)
RUNBOOK = re.compile(r"^ +runbook_url: (\S+)$", re.M)
# What shows metrics to people; a metric's name may not be made up there.
DASHBOARDS = [ALERTS, "packaging/grafana/pulse.json"]
USED_METRIC = re.compile(r"\bpulse_[a-z0-9_]+\b")
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


def anchors(text):
    """What a link may have behind its #, as GitHub makes it of the headings."""
    outside_code = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", outside_code, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_link(name, target, root, texts):
    """Why the link of the file `name` leads nowhere; None: it does not."""
    if ":" in target:
        return None
    path, _, anchor = target.partition("#")
    file = (root / name).parent.joinpath(path).resolve() if path else (root / name).resolve()
    if not file.exists():
        return f"{name}: no file {target}"
    text = texts.get(str(file.relative_to(root.resolve()))) if file.is_relative_to(root.resolve()) else None
    if anchor and text is not None and anchor not in anchors(text):
        return f"{name}: no heading {target}"
    return None


def check_dashboards(root, texts, metrics):
    alerts = texts.get(ALERTS, "")
    runbooks = RUNBOOK.findall(alerts)
    if len(runbooks) != len(ALERT.findall(alerts)) or not runbooks:
        yield f"{ALERTS}: not every alert has a runbook_url"
    # They are relative to the repository, not to the file.
    yield from filter(None, (broken_link("README.md", target, root, texts) for target in runbooks))
    for name in DASHBOARDS:
        for metric in sorted(set(USED_METRIC.findall(texts.get(name, "")))):
            if not named(metric, metrics):
                yield f"{name}: metric {metric} is not in docs/metrics.md"


def missing_tests(name, text, root, texts):
    for target, tests in TESTS.findall(text):
        file = str((root / name).parent.joinpath(target).resolve().relative_to(root.resolve()))
        for test in NAME.findall(tests):
            if not has_test(test, file, texts.get(file, "")):
                yield f"{name}: no test {test} in {file}"


def sections(text):
    """By their headings."""
    return {section.split("\n", 1)[0]: section for section in text.split("\n## ")[1:]}


def without_test(promises, tests):
    """Promises that name no test: sections, and rows of the tables of kinds and of bad days."""
    tested = sections(tests)
    for heading, section in sections(promises).items():
        here = tested.get(heading, "")
        if not TESTS.search(here):
            yield f"the section {heading}"
        for table in re.findall(r"^\| (?:kind|what happens) \|.*\n\|[- |]+\n((?:\|.*\n)+)", section, re.M):
            for row in (line.split("|")[1].strip() for line in table.splitlines()):
                part = here.split(f"\n**{row}**\n", 1)[-1].split("\n**", 1)[0] if f"\n**{row}**\n" in here else ""
                if not TESTS.search(part):
                    yield f"the row {row}"


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
            wrong += filter(None, (broken_link(name, target, root, texts) for target in LINK.findall(text)))
            wrong += missing_tests(name, text, root, texts)
        if name == GUARANTEES:
            tests = texts.get(GUARANTEE_TESTS, "")
            wrong += [f"{GUARANTEE_TESTS}: no test of {promise}" for promise in without_test(text, tests)]
        wrong += prose.problems(name, text)
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
    wrong += check_dashboards(root, texts, metrics)
    known = SETTING.findall(texts.get("src/config/config_settings.cpp", ""))
    if not known:
        wrong.append("src/config/config_settings.cpp: no settings found")
    wrong += [f"setting {s} is not in docs/configuration.md" for s in known if not named(s, settings)]
    return wrong, len(known), sum(len(METRIC.findall(t)) for n, t in texts.items() if n.startswith("src/"))


def self_test():
    prose.self_test()
    row = "| b | c |\n"
    promises = f"# T\n\n## A\n\n| what happens | what Pulse does |\n| --- | --- |\n{row}\n## B\n\nD.\n"
    part = "**b**\n\n* [a](../../tests/a.test.ts):\n  `holds`,\n  `holds_1`\n"
    tests = f"# T\n\n## A\n\n{part}\n## B\n\n* [a](../../tests/a_test.cpp):\n  `holds_too`\n"
    good = {"docs/configuration.md": "`listen`",
            "src/config/config_settings.cpp": '  {"listen",\n   [](auto& to) {}},\n', "src/a.cpp": 'counter("pulse_a"',
            "README.md": "[a](docs/metrics.md#what-is-it-1)", "docs/metrics.md": "# What is it, `1`?\n`pulse_a`",
            ALERTS: "  - alert: A\n    expr: pulse_a > 0\n    runbook_url: docs/metrics.md#what-is-it-1\n",
            "tests/a.test.ts": "scenario('holds', b); scenario(`holds_${n}`, b)", "tests/a_test.cpp": "TEST(a, holds_too)",
            GUARANTEES: promises, GUARANTEE_TESTS: tests}
    bad = [("README.md", "[a](docs/none.md)"), ("README.md", "[a](docs/metrics.md#what-is-it)"),
           (ALERTS, good[ALERTS].replace("metrics.md#", "metrics.md#no-")), (ALERTS, good[ALERTS] + "  - alert: B\n"),
           (ALERTS, good[ALERTS].replace("pulse_a", "pulse_b")),
           ("docs/metrics.md", "pulse_ab"), ("docs/configuration.md", "admin_listen"),
           ("src/a.cpp", 'counter("pulse_a"' + "\n" * (LINES_MAX + 1)), ("x", "/" + "work/a"),
           ("y", "https://registry." + "npmjs.org/"), ("tests/a.test.ts", "scenario('holds', b)"),
           ("tests/a_test.cpp", "TEST(a, holds)"), (GUARANTEES, promises + "\n## C\n"),
           (GUARANTEES, promises.replace(row, row + "| c | d |\n")), (GUARANTEE_TESTS, tests.replace(part, "")),
           ("docs/a.md", "It goes on.")]
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

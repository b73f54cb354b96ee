#!/usr/bin/env python3
"""Holds the documents to the code. check_docs.py ROOT, or --self-test."""
import dataclasses
import pathlib
import re
import subprocess
import sys
import tempfile

import prose

LINES_MAX = 400
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
METRICS = "src/base/metric_list.hpp"
# Its constant, kind, name, help in one or more literals, and labels.
METRIC = re.compile(
    r'^inline constexpr auto (\w+) =\s*(\w+)\(\s*"(\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)((?:,\s*"\w+"\s*)*)\);', re.M
)
METRIC_ROW = re.compile(r"^\| `(pulse_\w+)(?:\{([\w,]+)\})?` \| (\w+) \| (.*) \|$", re.M)
# What makes a series of a definition that is not in the list.
OWN_METRIC = re.compile(r"\bBuild(?:Counter|Gauge|Histogram|Summary|Info)\b|\bmetric::(?:counter|gauge|histogram|summary)\(")
METRIC_MAKERS = ("src/base/metrics.hpp", "src/base/metrics.cpp")
SETTING = re.compile(r'^\s*\{"([a-z_]+)",\s*(?:\n\s*)?\[\]\(auto', re.M)
# A link to a file of tests, and behind its colon the names of some of them.
TESTS = re.compile(r"\]\(([^)\s]+)\):((?:,?\s*`[a-z0-9_]+`)+)")
NAME = re.compile(r"`([a-z0-9_]+)`")
# In TypeScript a name is a text of its own, perhaps completed by a variable; in C++ it stands behind its suite's.
TEST_NAME = {".ts": r"['`]{}['`],", ".cpp": r"^(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP)\(\w+,\s*{}[,)]"}
# What is promised, and with the same headings which tests hold it.
GUARANTEES = "docs/delivery_guarantees.md"
GUARANTEE_TESTS = "docs/development/guarantee_tests.md"
VALUE_KINDS = "src/change/relation.hpp"
GAP_KINDS = "src/change/gap_kind.cpp"
GAP_KIND = re.compile(r'\.name = "(\w+)",\s*\.meaning = "([^"]+)"')
ALERTS = "packaging/prometheus/alerts.yml"
ALERT = re.compile(r"^ +- alert: (\w+)$", re.M)
RUNBOOK = re.compile(r"^ +runbook_url: (\S+)$", re.M)
# What shows metrics to people; a metric's name may not be made up there.
DASHBOARDS = [ALERTS, "packaging/grafana/pulse.json"]
USED_METRIC = re.compile(r"\bpulse_[a-z0-9_]+\b")
# Of what grows only.
RATE = re.compile(r"\b(?:rate|irate|increase)\((pulse_[a-z0-9_]+)")
# Series that one definition of these kinds makes.
SERIES_ENDS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
# Put together from parts, so that this file passes its own check.
MACHINE_PATH = re.compile(r"(?<![\w.}/$])/" + r"(?:work|root)/")
REGISTRY = re.compile("|".join([r"registry\." + r"npmjs", r"deb\." + r"debian\.org", r"pypi\." + r"org"]))


def without_comments(text):
    return re.sub(r"//.*", "", text)


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


def check_value_kinds(texts):
    code = re.search(r"BOOST_DEFINE_FIXED_ENUM_CLASS\(\s*value_kind,[^,]*,(.*?)\)(?=\s|$)", without_comments(texts.get(VALUE_KINDS, "")), re.S)
    kinds = re.findall(r"\w+", code[1]) if code else []
    if not kinds:
        yield f"{VALUE_KINDS}: no kinds of values found"
    told = re.search(r"^Value kinds: (.*?)\n\n", texts.get("docs/log_format.md", ""), re.M | re.S)
    rows = [(int(number), name) for number, name in re.findall(r"(?<!\w)(\d+) (\w+)", told[1] if told else "")]
    for wrong in sorted(set(enumerate(kinds)) ^ set(rows)):
        yield f"docs/log_format.md and {VALUE_KINDS} do not agree on the value kind {wrong[0]}, {wrong[1]}"


def check_gap_kinds(texts):
    told = texts.get(GUARANTEES, "")
    table = re.search(r"^\| kind \|.*\n\|[- |]+\n((?:\|.*\n)+)", told, re.M)
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", table[1] if table else "", re.M)
    kinds = dict(GAP_KIND.findall(texts.get(GAP_KINDS, "")))
    if not kinds:
        yield f"{GAP_KINDS}: no kinds found"
    for kind, meaning in kinds.items():
        if not dict(rows).get(kind, "").startswith(meaning):
            yield f"{GUARANTEES}: no row of the gap kind `{kind}` that begins with: {meaning}"
    yield from (f"{GUARANTEES}: there is no gap kind {kind}" for kind, _ in rows if kind not in kinds)


@dataclasses.dataclass
class Metric:
    constant: str
    kind: str
    name: str
    help: str
    labels: list[str]

    @property
    def series(self):
        return [self.name + end for end in SERIES_ENDS.get(self.kind, ("",))]

    @property
    def grows(self):
        """The series that rate() may be asked of."""
        return [one for one in self.series if self.kind != "gauge" and not (self.kind == "summary" and one == self.name)]


def metrics_in(text):
    def literals(part):
        return re.findall(r'"((?:[^"\\]|\\.)*)"', part)

    return [
        Metric(constant, kind, name, "".join(literals(told)), literals(labels))
        for constant, kind, name, told, labels in METRIC.findall(text)
    ]


def check_metrics(texts, metrics):
    listed = texts.get(METRICS, "")
    if not metrics or len(metrics) != listed.count("inline constexpr auto"):
        yield f"{METRICS}: rows of a form that this check does not know"
    rows = {row[0]: row for row in METRIC_ROW.findall(texts.get("docs/metrics.md", ""))}
    yield from (f"docs/metrics.md: there is no metric {name}" for name in rows.keys() - {m.name for m in metrics})
    source = "\n".join(text for name, text in texts.items() if name.startswith("src/") and name != METRICS)
    for metric in metrics:
        if metric.kind not in ("counter", "gauge", *SERIES_ENDS):
            yield f"{METRICS}: {metric.name} is of the unknown kind {metric.kind}"
        if metric.name.endswith("_total") != (metric.kind == "counter"):
            yield f"{METRICS}: {metric.name} is a {metric.kind}; counters end in _total, and nothing else does"
        if not named(f"metric::{metric.constant}", source):
            yield f"{METRICS}: nothing uses {metric.constant}"
        _, labels, kind, meaning = rows.get(metric.name, ("", "", "", ""))
        own_labels = [label for label in metric.labels if label != "project"]
        if kind != metric.kind or labels.split(",") != (own_labels or [""]):
            yield f"docs/metrics.md: no row of the {metric.kind} {metric.name} with the labels {own_labels}"
        elif not meaning.replace("`", "").startswith(metric.help):
            yield f"docs/metrics.md: the meaning of {metric.name} does not begin with: {metric.help}"
    for name, text in texts.items():
        if name.startswith("src/") and name not in METRIC_MAKERS and OWN_METRIC.search(text):
            yield f"{name}: a metric that is not in {METRICS}"


def check_dashboards(root, texts, metrics):
    alerts = texts.get(ALERTS, "")
    runbooks = RUNBOOK.findall(alerts)
    if len(runbooks) != len(ALERT.findall(alerts)) or not runbooks:
        yield f"{ALERTS}: not every alert has a runbook_url"
    # They are relative to the repository, not to the file.
    yield from filter(None, (broken_link("README.md", target, root, texts) for target in runbooks))
    series = {one for metric in metrics for one in metric.series}
    grows = {one for metric in metrics for one in metric.grows}
    for name in DASHBOARDS:
        text = texts.get(name, "")
        yield from (f"{name}: no series {one}" for one in sorted(set(USED_METRIC.findall(text)) - series))
        yield from (f"{name}: {one} does not only grow" for one in sorted(set(RATE.findall(text)) - grows))


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
    metrics = metrics_in(texts.get(METRICS, ""))
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
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line):
                wrong.append(f"{name}:{number}: a machine's path")
            if REGISTRY.search(line):
                wrong.append(f"{name}:{number}: a registry's host")
    wrong += check_metrics(texts, metrics)
    wrong += check_gap_kinds(texts)
    wrong += check_value_kinds(texts)
    wrong += check_dashboards(root, texts, metrics)
    known = SETTING.findall(texts.get("src/config/config_settings.cpp", ""))
    if not known:
        wrong.append("src/config/config_settings.cpp: no settings found")
    wrong += [f"setting {s} is not in docs/configuration.md" for s in known if not named(s, settings)]
    return wrong, len(known), len(metrics)


def self_test():
    prose.self_test()
    row = "| b | c |\n"
    gone = "| `gone` | it went away: far |\n"
    kinds = f"| kind | when |\n| --- | --- |\n{gone}"
    part = "**b**\n\n* [a](../../tests/a.test.ts):\n  `holds`,\n  `holds_1`\n"
    promises = f"# T\n\n## A\n\n| what happens | what Pulse does |\n| --- | --- |\n{row}\n{kinds}\n## B\n\nD.\n"
    tests = (f"# T\n\n## A\n\n{part}\n**`gone`**\n\n* [a](../../tests/a.test.ts):\n  `holds`\n\n"
             "## B\n\n* [a](../../tests/a_test.cpp):\n  `holds_too`\n")
    good = {"docs/configuration.md": "`listen`",
            "src/config/config_settings.cpp": '  {"listen",\n   [](auto& to) {}},\n',
            METRICS: 'inline constexpr auto a =\n    counter("pulse_a_total", "Things "\n "seen", "project", "what");\n'
                     'inline constexpr auto b = histogram("pulse_b", "Sizes");\n',
            "src/a.cpp": "metric::a, metric::b",
            "README.md": "[a](docs/metrics.md#what-is-it-1)", "docs/metrics.md": "# What is it, `1`?\n| `pulse_a_total{what}` | counter | Things `seen` here |\n"
                               "| `pulse_b` | histogram | Sizes |\n",
            ALERTS: "  - alert: A\n    expr: rate(pulse_a_total[1m]) > 0 or rate(pulse_b_bucket) > 0\n    runbook_url: docs/metrics.md#what-is-it-1\n",
            "tests/a.test.ts": "scenario('holds', b); scenario(`holds_${n}`, b)", "tests/a_test.cpp": "TEST(a, holds_too)",
            VALUE_KINDS: "BOOST_DEFINE_FIXED_ENUM_CLASS(\n  value_kind, int,  //\n  one, // 1 (a\n two)  // b\n",
            "docs/log_format.md": "Value kinds: 0 one, 1 two (one part, a\nlist). No more.\n\n", GUARANTEES: promises, GUARANTEE_TESTS: tests, GAP_KINDS: '.name = "gone",\n.meaning = "it went away",'}
    bad = [("README.md", "[a](docs/none.md)"), ("README.md", "[a](docs/metrics.md#what-is-it)"),
           (ALERTS, good[ALERTS].replace("metrics.md#", "metrics.md#no-")), (ALERTS, good[ALERTS] + "  - alert: B\n"),
           (ALERTS, good[ALERTS].replace("pulse_a_total", "pulse_c")), (ALERTS, good[ALERTS].replace("_bucket", "")),
           *((METRICS, good[METRICS].replace(*change)) for change in
             [("Things", "Cars"), ('"what"', '"which"'), ("counter", "gauge"), ("_total", ""), ("pulse_b", "pulse_c"),
              ("histogram", "histograms"), ("auto b =", "auto c ="), ("auto b = ", "auto b{}; ")]),
           ("src/b.cpp", "prometheus::BuildGauge()"), ("src/b.cpp", 'metric::gauge("pulse_c", "d")'),
           ("docs/metrics.md", good["docs/metrics.md"] + "| `pulse_c` | gauge | c |\n"),
           ("docs/configuration.md", "admin_listen"),
           ("src/a.cpp", good["src/a.cpp"] + "\n" * (LINES_MAX + 1)), ("x", "/" + "work/a"),
           ("y", "https://registry." + "npmjs.org/"), ("tests/a.test.ts", "scenario('holds', b)"),
           ("tests/a_test.cpp", "TEST(a, holds)"), (GUARANTEES, promises + "\n## C\n"),
           (GUARANTEES, promises.replace(row, row + "| c | d |\n")), (GUARANTEES, promises.replace("away", "there")),
           (GUARANTEES, promises.replace(gone, gone + gone.replace("gone", "there"))),
           (GUARANTEE_TESTS, tests.replace(part, "")), ("docs/a.md", "It goes on."), (GAP_KINDS, "none"), (VALUE_KINDS, "none"),
           (VALUE_KINDS, good[VALUE_KINDS].replace("two", "two, three")), (VALUE_KINDS, good[VALUE_KINDS].replace("two", "too")),
           ("docs/log_format.md", good["docs/log_format.md"].replace("1 two", "2 two")),
           (GAP_KINDS, good[GAP_KINDS] + good[GAP_KINDS].replace("gone", "lost"))]
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

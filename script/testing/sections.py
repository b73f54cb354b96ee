"""The sections of script/test: what each runs, in which lane, and after what."""
import dataclasses
import os
import pathlib

JOBS = os.environ.get("JOBS", str(os.cpu_count() or 1))
FUZZ_SECONDS = "20"  # a target

SLOW_TESTS = "^(unit_|conformance|simulation)"

# Sections that compile or compute fill every core; sections that wait for PostgreSQL, Node.js or a timer leave most of a
# core idle. One of each kind runs at a time: computing sections at the lowest priority, so that they take what the
# waiting ones leave.
COMPUTES = "computes"
WAITS = "waits"


@dataclasses.dataclass(frozen=True)
class Section:
    name: str
    lane: str
    commands: list[list[str]]
    # Sections whose failure makes this one pointless. Where they are part of the run, it starts after them.
    needs: tuple[str, ...] = ()
    # Waits, although it is in the lane that computes: it has the priority of those that wait.
    at_normal_priority: bool = False


def ctest(preset: str, *selection: str) -> list[str]:
    return ["ctest", "--test-dir", f"build/{preset}", "-j", JOBS, "--output-on-failure", "--no-tests=error", *selection]


def npm(script: str) -> list[str]:
    return ["npm", "run", "--silent", script]


def matrix(major: str, *tests: str) -> list[str]:
    return ["tests/matrix/prisma.py", "node", major, "--test", *(f"build/ts/tests/{one}.test.js" for one in tests)]


def postgres(major: str, *command: str) -> list[str]:
    return ["tests/postgres/postgres.py", major, *command]


# What differs between major versions: setup, transactions taken while open, partitions, generated columns, schema
# changes, restarts, idle slots, the values that every version must send alike, what is published, what others do to
# publications, and what the server cannot send.
SMOKE = [
    "node", "--test", f"--test-concurrency={JOBS}",
    *(f"build/ts/tests/integration/{name}.test.js" for name in (
        "server_versions", "setup_refuses_keyless", "schema_changes", "idle_database", "sigterm",
        "published_tables", "publications_altered", "unsendable_changes",
    )),
]
OTHER_MAJORS = ["12", "13", "14", "16", "17", "18"]

BUILT = ("build",)
READY = ("build", "typescript")


def sanitized(preset: str) -> Section:
    """A third of the integration tests, beside sections that wait: the lane that computes is the shorter one."""
    return Section(
        f"{preset}_servers", COMPUTES, [["tests/sanitized/integration.py", preset]], (preset, "typescript"),
        at_normal_priority=True,
    )


# Compiles everything once more, for another kind of processor.
ARM64 = Section(
    "arm64", COMPUTES,
    [
        ["script/build", "arm64", "slow_tests"],
        ctest("arm64", "-R", f"{SLOW_TESTS}|program_is_hardened"),
        [
            # What a test waits for may take four times as long.
            "env", f"PULSE_BIN={pathlib.Path(__file__).resolve().parents[2]}/tests/arm64/pulse", "PULSE_TEST_PATIENCE=4",
            "node", "--test", "--test-concurrency=1",
            *(f"build/ts/tests/{one}.test.js" for one in ("client/named_streams", "integration/native_events")),
        ],
        ["script/package", "arm64"],
        ["node", "--test", "build/ts/tests/arm64/packages.test.js"],
    ],
    ("bootstrap", "typescript"),
)

# Each lane runs its sections in this order.
NEWCOMER = [
    Section("bootstrap", WAITS, [["script/bootstrap"]]),
    Section("build", COMPUTES, [["script/build", "release"]], ("bootstrap",)),
    Section("format", COMPUTES, [["script/format", "--check"]], BUILT),
    Section("unit", COMPUTES, [ctest("release")], BUILT),
    Section("typescript", WAITS, [npm("build:ts")], ("bootstrap",)),
    Section("client", WAITS, [npm("test:client")], READY),
    Section("filters", WAITS, [npm("test:filters")], READY),
    Section("integration", WAITS, [npm("test:integration")], READY),
]
REST = [
    # Beside the build.
    Section("packages", WAITS, [["tests/matrix/prisma.py", "prepare"]], ("bootstrap",)),
    Section("lint", COMPUTES, [["script/lint"]], BUILT),
    Section(
        "asan", COMPUTES,
        [["script/build", "asan", "slow_tests", "fuzzers"], ctest("asan", "-R", SLOW_TESTS)], BUILT,
    ),
    Section("fuzz", COMPUTES, [["script/fuzz", "--seconds", FUZZ_SECONDS, "--jobs", JOBS]], BUILT),
    Section(
        "tsan", COMPUTES, [["script/build", "tsan", "slow_tests"], ctest("tsan", "-R", SLOW_TESTS)], BUILT
    ),
    Section(
        "matrix", WAITS,
        [
            ["tests/matrix/prisma.py", "prepare"],
            *(matrix(major, "matrix/clients", "matrix/readme_types") for major in ("5", "6", "7")),
            matrix("7", "oracle/filters"),
            ["env", "PULSE_TEST_ROWS=300", *matrix("7", "client/value_oracle")],
        ],
        READY,
    ),
    Section("postgres", WAITS, [postgres(major, *SMOKE) for major in OTHER_MAJORS], READY),
    Section("oracle", WAITS, [npm("test:oracle")], READY),
    Section("long", WAITS, [npm("test:long")], READY),
    Section("package", WAITS, [["script/package"], npm("test:packages")], READY),
    Section("demo", WAITS, [["script/demo"]], READY),
]


# Too long for every run: only when they are named.
BY_NAME = [sanitized("tsan"), sanitized("asan"), ARM64]


def on_postgres(major: str) -> list[Section]:
    """The sections of a run on another major version: these versions change nothing for the rest."""
    return [
        dataclasses.replace(section, commands=[postgres(major, *command) for command in section.commands])
        if section.name in ("client", "integration") else section
        for section in NEWCOMER
        if section.name not in ("format", "unit")
    ]

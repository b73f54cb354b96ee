"""Runs sections in two lanes at a time and says how long each took."""
import dataclasses
import os
import pathlib
import signal
import subprocess
import time

from .sections import COMPUTES, WAITS, Section

PROGRESS_SECONDS = 60
POLL_SECONDS = 0.1


@dataclasses.dataclass
class Outcome:
    section: Section
    passed: bool | None = None  # None: not run
    started: float = 0
    seconds: float = 0
    processor_seconds: float = 0


class Running:
    """A section whose commands are run one after the other, into one log."""

    def __init__(self, outcome: Outcome, root: pathlib.Path, log: pathlib.Path, nice: bool):
        self.outcome = outcome
        self.log = log
        self.exit_code = 0
        self._root = root
        self._nice = ["nice", "-n", "19"] if nice else []
        self._left = list(outcome.section.commands)
        self._output = log.open("w")
        self._process: subprocess.Popen | None = None
        outcome.started = time.monotonic()
        self._start_next()

    def _start_next(self) -> None:
        self.command = self._left.pop(0)
        # A process group, so that stop() reaches all of it; not a session: Linux compares niceness within sessions.
        self._process = subprocess.Popen(
            [*self._nice, *self.command], cwd=self._root, stdin=subprocess.DEVNULL, stdout=self._output,
            stderr=subprocess.STDOUT, process_group=0,
        )

    def poll(self) -> bool:
        """Starts what comes next. True: the section is over, and its outcome filled in."""
        process = self._process
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid == 0:
            return False
        process.returncode = os.waitstatus_to_exitcode(status)
        self.outcome.processor_seconds += usage.ru_utime + usage.ru_stime
        if process.returncode == 0 and self._left:
            self._start_next()
            return False
        self.outcome.passed = process.returncode == 0
        self.outcome.seconds = time.monotonic() - self.outcome.started
        self.exit_code = process.returncode
        self._output.close()
        return True

    def stop(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass

    def progress(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        last = lines[-1].strip()[:60] if lines else ""
        return f"{self.outcome.section.name} {time.monotonic() - self.outcome.started:.0f} s ({last})"


def next_of(lane: str, outcomes: dict[str, Outcome]) -> Outcome | None:
    """The lane's first section that can start: what it needs has passed, or is no part of this run. When all that
    computes is done, that lane takes the last of those that wait."""
    mine = [outcome for outcome in outcomes.values() if outcome.section.lane == lane]
    if lane == COMPUTES and all(outcome.passed is not None for outcome in mine):
        mine = [outcome for outcome in reversed(outcomes.values()) if outcome.section.lane == WAITS]
    for outcome in mine:
        needs = outcome.section.needs
        if not outcome.started and all(name not in outcomes or outcomes[name].passed for name in needs):
            return outcome
    return None


def run(sections: list[Section], root: pathlib.Path, logs: pathlib.Path) -> list[Outcome]:
    """All sections run even when one fails, except those that need it."""
    logs.mkdir(parents=True, exist_ok=True)
    outcomes = {section.name: Outcome(section) for section in sections}
    running: dict[str, Running] = {}
    said = time.monotonic()
    # Alone, a lane has no reason to stand back.
    both = len({section.lane for section in sections}) > 1
    try:
        while True:
            for lane in (WAITS, COMPUTES):
                if lane in running:
                    continue
                chosen = next_of(lane, outcomes)
                if chosen is not None:
                    section = chosen.section
                    print(f"== {section.name}", flush=True)
                    nice = both and section.lane == COMPUTES and not section.at_normal_priority
                    running[lane] = Running(chosen, root, logs / f"{section.name}.log", nice)
            if not running:
                return list(outcomes.values())
            time.sleep(POLL_SECONDS)
            for lane, one in list(running.items()):
                if one.poll():
                    del running[lane]
                    report(one)
            if time.monotonic() - said >= PROGRESS_SECONDS:
                said = time.monotonic()
                print("   " + "; ".join(one.progress() for one in running.values()), flush=True)
    finally:
        for one in running.values():
            one.stop()


def report(one: Running) -> None:
    name = one.outcome.section.name
    if one.outcome.passed:
        print(f"== {name} passed in {one.outcome.seconds:.0f} s", flush=True)
        return
    print(one.log.read_text(errors="replace"))
    print(f"== {name} FAILED: {' '.join(one.command)[:120]} (exit code {one.exit_code})", flush=True)


def table(outcomes: list[Outcome]) -> str:
    """One line a section: its wall time, its processor time, and what came of it. Then, when each lane was done."""
    lines = [f"{'section':<20} {'lane':<9} {'seconds':>8} {'CPU s':>8}"]
    for outcome in outcomes:
        result = {True: "", False: "  FAILED", None: "  not run"}[outcome.passed]
        lines.append(
            f"{outcome.section.name:<20} {outcome.section.lane:<9} {outcome.seconds:8.0f} "
            f"{outcome.processor_seconds:8.0f}{result}"
        )
    ran = [outcome for outcome in outcomes if outcome.started]
    for lane in (COMPUTES, WAITS):
        mine = [outcome for outcome in ran if outcome.section.lane == lane]
        if mine:
            done = max(one.started + one.seconds for one in mine) - min(one.started for one in ran)
            processor = sum(one.processor_seconds for one in mine)
            lines.append(f"{'in all':<20} {lane:<9} {done:8.0f} {processor:8.0f}")
    return "\n".join(lines)

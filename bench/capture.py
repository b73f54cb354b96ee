"""script/bench capture: rows a second from the write-ahead log to consumers, beside pg_recvlogical."""
import json
import pathlib
import shutil
import statistics
import time

from bench.cluster import PG, TRANSPORTS, Cluster, Holder, finish, machine, say
from bench.server import Consumers, Server
from bench.workloads import WORKLOADS, Workload

SLOT = "pulse_default"
CONSUMERS = (1, 10)


class Bench:
    """A cluster with one workload's rows in its write-ahead log, and a data folder whose streams stand before them."""

    def __init__(self, folder: pathlib.Path, cluster: Cluster, streaming: str | None = None, visibility: str | None = None):
        self.folder, self.cluster = folder, cluster
        self.more = ["--streaming", streaming] if streaming else []
        self.more += ["--visibility", visibility] if visibility else []
        self.key_file = folder / "key"
        self.key_file.write_text("a-key-for-benchmarks-only\n")
        self.template = folder / "template"
        self.end = ""

    def serve(self, data: pathlib.Path, transport: str = "unix") -> Server:
        return Server(self.folder, data, "--database", self.cluster.url(transport), "--api-key-file", self.key_file, *self.more)

    def prepare(self, workload: Workload, rows: int, connections: int) -> None:
        """A data folder whose named streams stand before the rows, and a slot `master` that does too."""
        workload.make_table(self.cluster, rows)
        server = self.serve(self.template)
        try:
            server.wait("/capturez")
            Consumers(server, self.folder, self.key_file, 0, connections=connections).result()
        finally:
            server.stop()
        self.cluster.copy_slot(SLOT, "master")

    def write(self, workload: Workload, rows: int) -> None:
        workload.write(self.cluster, rows)
        self.end = self.cluster.end_of_wal()

    def run_baseline(self, transport: str, rows: int) -> float:
        self.cluster.copy_slot("master", "baseline")
        began = time.monotonic()
        finish([PG / "pg_recvlogical", "-d", self.cluster.url(transport), "-S", "baseline", "--start", "-f", "/dev/null",
                "--endpos", self.end, "--no-loop", "-o", "proto_version=1", "-o", self.cluster.published()])
        seconds = time.monotonic() - began
        self.cluster.drop_slot("baseline")
        return rows / seconds

    def run_pulse(self, transport: str, rows: int, connections: int) -> dict:
        self.cluster.replace_slot("master", SLOT)
        data = self.folder / "data"
        shutil.copytree(self.template, data)
        holder = Holder(self.cluster, SLOT)
        server = self.serve(data, transport)
        try:
            server.wait("/readyz")
            return measure(server, Consumers(server, self.folder, self.key_file, rows, connections=connections), holder, rows)
        finally:
            holder.release()
            server.stop()
            shutil.rmtree(data)


def measure(server: Server, consumers: Consumers, holder: Holder, rows: int) -> dict:
    """From the release of the slot, which Pulse has yet to notice, to the last event of the last consumer: like the
    baseline's, this time includes taking the slot and decoding up to the first row."""
    try:
        cpu = server.cpu_seconds()
        released = holder.release()
        got = consumers.result()
        seconds = got["last"] - released
        return {"events": got["events"], "seconds": seconds, "seconds_from_first_event": got["last"] - got["first"],
                "rows_per_s": rows / seconds, "server_bytes_per_s": got["bytes"] / seconds,
                "cpu_us_per_row": (server.cpu_seconds() - cpu) * 1e6 / rows, "rss_peak_mib": server.peak_mib()}
    finally:
        consumers.abandon()


def summary(name: str, transport: str, connections: int, rows: int, runs: list[dict], baselines: list[float]) -> dict:
    def median(figure: str) -> float:
        return statistics.median(run[figure] for run in runs)
    return {
        "workload": name, "description": WORKLOADS[name].description, "transport": transport, "consumers": connections,
        "rows": rows, "runs": len(runs), "events": runs[0]["events"],
        "rows_per_s": round(median("rows_per_s")), "baseline_rows_per_s": round(statistics.median(baselines)),
        "ratio": round(statistics.median(run["rows_per_s"] / baseline for run, baseline in zip(runs, baselines)), 3),
        "seconds": round(median("seconds"), 3), "seconds_from_first_event": round(median("seconds_from_first_event"), 3),
        "server_bytes_per_s": round(median("server_bytes_per_s")),
        "cpu_us_per_row": round(median("cpu_us_per_row"), 2), "rss_peak_mib": round(median("rss_peak_mib"), 1),
        "machine": machine(),
    }


def run_cells(bench: Bench, name: str, transport: str, counts: list[int], rows: int, runs: int) -> list[dict]:
    """The cells that differ in the number of consumers only: each run of theirs is beside one of the baseline."""
    baselines: list[float] = []
    of: dict[int, list[dict]] = {count: [] for count in counts}
    for number in range(1, runs + 1):
        baselines.append(bench.run_baseline(transport, rows))
        for count in counts:
            of[count].append(bench.run_pulse(transport, rows, count))
            rate = of[count][-1]["rows_per_s"]
            say(f"{name}, {transport}, consumers: {count}, run {number}: pulse {rate:.0f} rows/s, "
                f"pg_recvlogical {baselines[-1]:.0f} rows/s, ratio {rate / baselines[-1]:.2f}")
    return [summary(name, transport, count, rows, of[count], baselines) for count in counts]


def line(cell: dict) -> str:
    return (f"Pulse {cell['rows_per_s']} rows/s, pg_recvlogical {cell['baseline_rows_per_s']} rows/s, ratio {cell['ratio']}; "
            f"{cell['cpu_us_per_row']} us of CPU a row, {cell['rss_peak_mib']} MiB at most")


def run(options, folder: pathlib.Path) -> None:
    everything = options.all
    names = list(WORKLOADS) if everything else [options.workload]
    transports = list(TRANSPORTS) if everything else [options.transport]
    counts = list(CONSUMERS) if everything else [options.consumers]
    runs = options.runs or (3 if everything else 5)
    cells = []
    for name in names:
        rows = options.rows or WORKLOADS[name].rows
        # A cluster for each workload: nobody reads through what was written for another.
        own = folder / name
        cluster = Cluster(own)
        try:
            bench = Bench(own, cluster, options.streaming, options.visibility)
            bench.prepare(WORKLOADS[name], rows, max(counts))
            bench.write(WORKLOADS[name], rows)
            for transport in transports:
                more = run_cells(bench, name, transport, counts, rows, runs)
                cells += [{**cell, "streaming": options.streaming} for cell in more] if options.streaming else more
        finally:
            cluster.stop()
        shutil.rmtree(own)
    if options.json:
        print(json.dumps(cells if everything else cells[0]))
    else:
        for cell in cells:
            where = f"{cell['workload']}, {cell['transport']}, consumers: {cell['consumers']}: " if everything else ""
            print(where + line(cell))

"""script/bench streams: what streams cost that an event does not concern."""
import json
import os
import pathlib
import resource
import shutil
import statistics

from bench.capture import SLOT, Bench, measure
from bench.cluster import Cluster, Holder, machine, say
from bench.server import Consumers, Server
from bench.workloads import WORKLOADS

OTHERS = 9_999
EVALUATIONS = 'pulse_filter_evaluations_total{project="default"}'
# What the others ask for, 1 to 9,999, no row has.
TENANT = 100_007
CONTROL = {"create": {"tenant": TENANT}}
OTHER = {"create": {"AND": [{"tenant": "@n"}, {"kind": "row.created"}]}}


class StreamsBench(Bench):
    def serve(self, data: pathlib.Path, transport: str = "unix") -> Server:
        # All come at once, and from one address.
        os.environ["PULSE_CONNECTIONS_PER_ADDRESS"] = "off"
        return super().serve(data, transport)

    def open_others(self, server) -> Consumers:
        return Consumers(server, self.folder, self.key_file, 1, connections=OTHERS, name="other", where=OTHER)

    def open_control(self, server, rows: int) -> Consumers:
        return Consumers(server, self.folder, self.key_file, rows, name="control", where=CONTROL)

    def prepare_streams(self, rows: int) -> None:
        """A data folder in which all names have cursors before the rows."""
        WORKLOADS["inserts"].make_table(self.cluster, rows)
        self.cluster.sql(f"ALTER TABLE bench ALTER tenant SET DEFAULT {TENANT}")
        server = self.serve(self.template)
        try:
            server.wait("/capturez")
            self.open_others(server).abandon()
            self.open_control(server, 0).result()
        finally:
            server.stop()
        self.cluster.copy_slot(SLOT, "master")

    def run_streams(self, rows: int, with_others: bool) -> dict:
        self.cluster.replace_slot("master", SLOT)
        data = self.folder / "data"
        shutil.copytree(self.template, data)
        holder = Holder(self.cluster, SLOT)
        server = self.serve(data)
        others = None
        try:
            server.wait("/readyz")
            others = self.open_others(server) if with_others else None
            judged = server.metric(EVALUATIONS)
            got = measure(server, self.open_control(server, rows), holder, rows)
            return {**got, "evaluations_per_event": (server.metric(EVALUATIONS) - judged) / rows}
        finally:
            if others:
                others.abandon()
            holder.release()
            server.stop()
            shutil.rmtree(data)


def summary(runs: list[dict]) -> dict:
    return {figure: round(statistics.median(run[figure] for run in runs), 3)
            for figure in ("rows_per_s", "seconds", "cpu_us_per_row", "rss_peak_mib", "evaluations_per_event")}


def run(options, folder: pathlib.Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rows = options.rows or WORKLOADS["inserts"].rows
    cluster = Cluster(folder)
    try:
        bench = StreamsBench(folder, cluster, options.streaming)
        bench.prepare_streams(rows)
        bench.write(WORKLOADS["inserts"], rows)
        alone, beside = [], []
        for number in range(1, (options.runs or 3) + 1):
            alone.append(bench.run_streams(rows, False))
            beside.append(bench.run_streams(rows, True))
            say(f"run {number}: alone {alone[-1]['rows_per_s']:.0f} rows/s, beside {OTHERS} others "
                f"{beside[-1]['rows_per_s']:.0f} rows/s, {beside[-1]['evaluations_per_event']:.2f} filters an event")
    finally:
        cluster.stop()
    ratio = statistics.median(many["rows_per_s"] / one["rows_per_s"] for one, many in zip(alone, beside))
    cell = {"rows": rows, "runs": len(alone), "others": OTHERS, "alone": summary(alone), "beside_others": summary(beside),
            "ratio": round(ratio, 3), "machine": machine()}
    if options.json:
        print(json.dumps(cell))
    else:
        print(f"alone {cell['alone']['rows_per_s']} rows/s, beside {OTHERS} others {cell['beside_others']['rows_per_s']} rows/s, "
              f"ratio {cell['ratio']}; {cell['beside_others']['evaluations_per_event']} filters judged an event; "
              f"{cell['beside_others']['rss_peak_mib']} MiB at most")

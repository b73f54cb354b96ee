"""script/bench projects: what a broken project costs another one in the same server."""
import json
import pathlib
import shutil
import statistics

from bench.capture import measure
from bench.cluster import Cluster, Holder, free_ports, machine, say
from bench.poison_proxy import PoisonProxy
from bench.server import Consumers, RefusedSetting, Server
from bench.workloads import WORKLOADS

# So many that a run is longer than the 15 s after which a capture that needs attention is tried again.
ROWS = 6_000_000
RUNS = 3
STEADY = WORKLOADS["inserts"]
# Ten times more than the quota has room for, and retention makes none. Segments are as small, because they are made in full.
BACKLOG = WORKLOADS["wide_rows"]
BACKLOG_ROWS = 4_000
QUOTA = {"storage_max": "4MiB", "segment_bytes": "1MiB", "retention_bytes": "1GiB"}
CONTROL = "control"
# What is wrong with project a, and which of its databases it has then.
BROKEN = {"database unreachable": "idle", "disk quota full": "quota", "poison change": "poison"}


class Bench:
    """A cluster with database `b`, whose rows are all written, and a database of project a for each of its troubles."""

    def __init__(self, folder: pathlib.Path, cluster: Cluster, rows: int, streaming: str | None):
        self.folder, self.cluster, self.rows = folder, cluster, rows
        self.more = ["--streaming", streaming] if streaming else []
        self.key_file = folder / "key-b"
        self.proxy = PoisonProxy(cluster.port)
        self.closed_port = free_ports(1)[0]

    def serve(self, data: pathlib.Path, a: dict | None) -> Server:
        """With project b, and project a by its settings unless there is none yet."""
        projects = {"b": {"database": self.cluster.url(database="b")}, **({"a": a} if a else {})}
        config = self.folder / "pulse.toml"
        config.write_text("".join(f"[projects.{name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in settings.items())
                                  for name, settings in projects.items()))
        return Server(self.folder, data, "--config", config, *self.more)

    def healthy(self, database: str) -> dict:
        """As it was when its data folder was made."""
        more = {"segment_bytes": QUOTA["segment_bytes"]} if database == "quota" else {}
        return {"database": self.cluster.url("tcp", database), **more}

    def settings(self, way: str) -> dict:
        match way:
            case "database unreachable":
                return {"database": self.cluster.url("tcp", "idle", self.closed_port)}
            case "disk quota full":
                return {**self.healthy("quota"), **QUOTA}
            case "poison change":
                return {"database": self.cluster.url("tcp", "poison", self.proxy.port)}
        return self.healthy("idle")

    def prepare(self) -> None:
        """For each database of a: a data folder, and a slot that begins after b's rows, so that the walsender of a does
        not read through them beside what is measured."""
        self.cluster.sql("CREATE DATABASE b")
        STEADY.make_table(self.cluster, self.rows, "b")
        base = self.folder / "base"
        server = self.serve(base, None)
        try:
            server.wait("/capturez")
            server.make_key("b", self.key_file)
            Consumers(server, self.folder, self.key_file, 0).result()
        finally:
            server.stop()
        self.cluster.copy_slot("pulse_b", "master_b", "b")
        STEADY.write(self.cluster, self.rows, "b")
        for database in sorted(set(BROKEN.values())):
            self.cluster.sql(f"CREATE DATABASE {database}")
            self.prepare_a(base, database)
        BACKLOG.write(self.cluster, BACKLOG_ROWS, "quota")
        self.cluster.sql('INSERT INTO "POISON" VALUES (1)', database="poison")
        self.cluster.end_of_wal()

    def prepare_a(self, base: pathlib.Path, database: str) -> None:
        STEADY.make_table(self.cluster, 0, database)
        self.cluster.sql('CREATE TABLE "POISON" (id int PRIMARY KEY)', database=database)
        data = self.folder / database
        shutil.copytree(base, data)
        self.cluster.replace_slot("master_b", "pulse_b", "b")
        holder = Holder(self.cluster, "pulse_b", "b")
        try:
            server = self.serve(data, self.healthy(database))
            try:
                server.wait_until(lambda: server.capture_goes_on("a"), "project a")
            finally:
                server.stop()
        finally:
            holder.release()
        self.cluster.copy_slot("pulse_a", f"master_{database}", database)
        self.cluster.drop_slot("pulse_a")

    def run(self, way: str) -> dict:
        database = BROKEN.get(way, "idle")
        self.cluster.replace_slot(f"master_{database}", "pulse_a", database)
        self.cluster.replace_slot("master_b", "pulse_b", "b")
        data = self.folder / "data"
        shutil.copytree(self.folder / database, data)
        holder = Holder(self.cluster, "pulse_b", "b")
        server = self.serve(data, self.settings(way))
        try:
            if way == CONTROL:
                server.wait_until(lambda: server.capture_goes_on("a"), "project a")
            else:
                server.wait_until(lambda: (server.capture_problem("a") or {}).get("problem"), f"project a: {way}")
            damaged = self.proxy.damaged
            figures = measure(server, Consumers(server, self.folder, self.key_file, self.rows), holder, self.rows)
            problem = server.capture_problem("a")
            if (problem is None) != (way == CONTROL):
                raise RuntimeError(f"project a did not stay as it was to be ({way}): {problem}")
            return {**figures, "poisoned": self.proxy.damaged - damaged, "problem": (problem or {}).get("problem", "")}
        finally:
            holder.release()
            server.stop()
            shutil.rmtree(data)


def summary(way: str, rows: int, controls: list[dict], broken: list[dict]) -> dict:
    def median(figures) -> float:
        return statistics.median(figures)
    ratios = [one["rows_per_s"] / control["rows_per_s"] for one, control in zip(broken, controls)]
    outcome = {
        "broken": way, "problem": broken[-1]["problem"], "rows": rows, "runs": len(broken),
        "rows_per_s": round(median(one["rows_per_s"] for one in broken)),
        "control_rows_per_s": round(median(one["rows_per_s"] for one in controls)),
        "ratio": round(median(ratios), 3), "ratios": [round(one, 3) for one in ratios],
        "seconds": round(median(one["seconds"] for one in broken), 3),
        "control_seconds": round(median(one["seconds"] for one in controls), 3), "machine": machine(),
    }
    if way == "poison change":
        outcome["poisoned"] = [one["poisoned"] for one in broken]
    return outcome


def run_way(bench: Bench, way: str, runs: int) -> dict | None:
    controls, broken = [], []
    for number in range(1, runs + 1):
        controls.append(bench.run(CONTROL))
        try:
            broken.append(bench.run(way))
        except RefusedSetting as refusal:
            say(f"{way}: skipped, because this pulse has no such setting: {str(refusal).strip()}")
            return None
        say(f"{way}, run {number}: b {broken[-1]['rows_per_s']:.0f} rows/s, control {controls[-1]['rows_per_s']:.0f} rows/s, "
            f"ratio {broken[-1]['rows_per_s'] / controls[-1]['rows_per_s']:.2f}")
    return summary(way, bench.rows, controls, broken)


def run(options, folder: pathlib.Path) -> None:
    cluster = Cluster(folder)
    try:
        bench = Bench(folder, cluster, options.rows or ROWS, options.streaming)
        try:
            bench.prepare()
            outcomes = [one for way in BROKEN if (one := run_way(bench, way, options.runs or RUNS))]
        finally:
            bench.proxy.stop()
    finally:
        cluster.stop()
    if options.json:
        print(json.dumps(outcomes))
        return
    for one in outcomes:
        print(f"a: {one['broken']}: b {one['rows_per_s']} rows/s, with a healthy {one['control_rows_per_s']} rows/s, "
              f"ratio {one['ratio']} ({', '.join(str(ratio) for ratio in one['ratios'])})")

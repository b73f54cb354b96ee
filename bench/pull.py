"""script/bench pull: stored events over HTTP, beside the same over a WebSocket and what the disk can commit."""
import json
import pathlib
import sqlite3
import statistics
import subprocess
import time
import urllib.request

from bench.capture import Bench
from bench.cluster import BIN, Cluster, machine, say
from bench.server import Consumers, Server
from bench.workloads import WORKLOADS

TABLE = "public.bench"
COMMITS = 1_000
SINGLE_PULLS = 5_000


def durable_commits_per_s(folder: pathlib.Path) -> float:
    """As Pulse commits: SQLite with a write-ahead journal, each commit synced, one row changed."""
    file = folder / "commits.db"
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, at INTEGER)")
    database.execute("INSERT OR REPLACE INTO t VALUES (1, 0)")
    began = time.monotonic()
    for number in range(COMMITS):
        database.execute("UPDATE t SET at = ? WHERE id = 1", (number,))
    seconds = time.monotonic() - began
    database.close()
    return COMMITS / seconds


class PullBench(Bench):
    def fill(self, rows: int) -> Server:
        """A server that has stored the rows."""
        WORKLOADS["inserts"].make_table(self.cluster, rows)
        server = self.serve(self.folder / "data")
        server.wait("/capturez")
        self.write(WORKLOADS["inserts"], rows)
        server.wait_until(lambda: server.metric('pulse_events_captured_total{project="default"}') >= rows, "the rows")
        return server

    def over_http(self, server: Server, mode: str, name: str, events: int, batch: int) -> dict:
        cpu = server.cpu_seconds()
        done = subprocess.run(
            [BIN / "bench/bench_puller", "--mode", mode, "--port", str(server.port), "--key-file", self.key_file, "--table",
             TABLE, "--name", name, "--events", str(events), "--batch", str(batch)], stdout=subprocess.PIPE, text=True, check=True)
        got = json.loads(done.stdout)
        seconds = got["last"] - got["first"]
        return {"events_per_s": got["events"] / seconds, "requests_per_s": got["requests"] / seconds,
                "cpu_us_per_request": (server.cpu_seconds() - cpu) * 1e6 / got["requests"]}

    def over_websocket(self, server: Server, name: str, events: int) -> dict:
        Consumers(server, self.folder, self.key_file, 0, name=name).result()
        seek = urllib.request.Request(
            f"http://127.0.0.1:{server.admin_port}/v1/projects/default/cursors/{TABLE}/{name}-1/seek", method="POST",
            data=b'{"to":"beginning"}', headers={"authorization": f"Bearer {self.admin_token(server)}"})
        with urllib.request.urlopen(seek, timeout=30) as answer:
            answer.read()
        got = Consumers(server, self.folder, self.key_file, events, name=name).result()
        return {"events_per_s": got["events"] / (got["last"] - got["first"])}

    def admin_token(self, server: Server) -> str:
        return (server.data / "admin-token").read_text().strip()


def one_run(bench: PullBench, server: Server, number: int, rows: int, folder: pathlib.Path) -> dict:
    by_thousand = bench.over_http(server, "pull", f"thousand-{number}", rows, 1_000)
    websocket = bench.over_websocket(server, f"websocket-{number}", rows)
    read = bench.over_http(server, "read", "", rows, 1_000)
    commits = durable_commits_per_s(folder)
    by_hundred = bench.over_http(server, "pull", f"hundred-{number}", min(rows, 200_000), 100)
    single = bench.over_http(server, "pull", f"single-{number}", min(rows, SINGLE_PULLS), 1)
    return {
        "pull_1000_events_per_s": by_thousand["events_per_s"],
        "pull_1000_to_websocket": by_thousand["events_per_s"] / websocket["events_per_s"],
        "websocket_events_per_s": websocket["events_per_s"],
        "read_1000_events_per_s": read["events_per_s"],
        "read_1000_to_websocket": read["events_per_s"] / websocket["events_per_s"],
        "durable_commits_per_s": commits,
        "pull_100_requests_per_s": by_hundred["requests_per_s"],
        "pull_100_to_commits": by_hundred["requests_per_s"] / commits,
        "pull_1_cpu_us": single["cpu_us_per_request"],
    }


def run(options, folder: pathlib.Path) -> None:
    rows = options.rows or WORKLOADS["inserts"].rows
    cluster = Cluster(folder)
    runs = []
    try:
        bench = PullBench(folder, cluster)
        server = bench.fill(rows)
        try:
            for number in range(1, (options.runs or 3) + 1):
                runs.append(one_run(bench, server, number, rows, folder))
                say(f"run {number}: " + ", ".join(f"{name} {value:.2f}" for name, value in runs[-1].items()))
        finally:
            server.stop()
    finally:
        cluster.stop()
    figures = {name: round(statistics.median(one[name] for one in runs), 3) for name in runs[0]}
    cell = {"rows": rows, "runs": len(runs), **figures, "machine": machine()}
    if options.json:
        print(json.dumps(cell))
        return
    print(f"pull, batches of 1,000, one consumer that acknowledges: {figures['pull_1000_events_per_s']:.0f} events/s, "
          f"{figures['pull_1000_to_websocket']:.2f} of a WebSocket's")
    print(f"pull, batches of 100: {figures['pull_100_requests_per_s']:.0f} a second, {figures['pull_100_to_commits']:.2f} of "
          f"the disk's {figures['durable_commits_per_s']:.0f} durable commits")
    print(f"pull, batches of 1: {figures['pull_1_cpu_us']:.0f} us of the server's CPU each")
    print(f"read, 1,000 at a time: {figures['read_1000_events_per_s']:.0f} events/s, {figures['read_1000_to_websocket']:.2f} of "
          "a WebSocket's")

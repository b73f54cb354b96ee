"""script/bench connections: what connections cost on which nothing happens, and on which something does."""
import json
import os
import pathlib
import resource
import time

from bench.capture import Bench
from bench.cluster import Cluster, machine, say
from bench.server import Consumers, Server
from bench.workloads import WORKLOADS

IDLE = 10_000
ACTIVE = 1_000
ROWS = 2_000
# No row has it.
NOTHING = {"create": {"tenant": 100_007}}


def resident_kib(server: Server) -> int:
    """Memory that is the process's own: neither its program nor files that it has mapped."""
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise RuntimeError("no RssAnon")


class ConnectionsBench(Bench):
    def serve(self, data: pathlib.Path, transport: str = "unix") -> Server:
        # All come at once, and from one address.
        os.environ.update(PULSE_CONNECTIONS=str(IDLE + ACTIVE + 100), PULSE_STREAMS=str(IDLE + ACTIVE),
                          PULSE_NAMES=str(IDLE + ACTIVE), PULSE_CONNECTIONS_PER_ADDRESS="off")
        return super().serve(data, transport)

    def run_connections(self, rows: int) -> dict:
        WORKLOADS["inserts"].make_table(self.cluster, rows)
        server = self.serve(self.folder / "data")
        idle = active = None
        try:
            server.wait("/capturez")
            empty = resident_kib(server)
            # Named, and filtered so that no event is for them; opened all at once.
            asked = time.monotonic()
            idle = Consumers(server, self.folder, self.key_file, 1, connections=IDLE, name="idle", where=NOTHING)
            opened = time.monotonic() - asked
            with_idle = resident_kib(server)
            say(f"{IDLE} idle: {(with_idle - empty) * 1024 / IDLE:.0f} B each")
            active = Consumers(server, self.folder, self.key_file, rows, connections=ACTIVE, name="active")
            with_active = resident_kib(server)
            began, cpu = time.monotonic(), server.cpu_seconds()
            self.write(WORKLOADS["inserts"], rows)
            got = active.result()
            seconds = got["last"] - began
            return {
                "idle": IDLE, "active": ACTIVE, "rows": rows, "events": got["events"],
                "idle_opened_per_s": round(IDLE / opened),
                "idle_bytes_per_connection": round((with_idle - empty) * 1024 / IDLE),
                "active_bytes_per_connection": round((resident_kib(server) - with_active) * 1024 / ACTIVE),
                "events_per_s": round(got["events"] / seconds),
                "cpu_us_per_event": round((server.cpu_seconds() - cpu) * 1e6 / got["events"], 2),
                "rss_peak_mib": round(server.peak_mib(), 1), "machine": machine(),
            }
        finally:
            for consumers in (idle, active):
                if consumers:
                    consumers.abandon()
            server.stop()


def run(options, folder: pathlib.Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cluster = Cluster(folder)
    try:
        got = ConnectionsBench(folder, cluster, options.streaming).run_connections(options.rows or ROWS)
    finally:
        cluster.stop()
    if options.json:
        print(json.dumps(got))
    else:
        print(f"{got['idle']} idle streams: {got['idle_bytes_per_connection']} B of memory each, {got['idle_opened_per_s']}/s "
              f"opened; {got['active']} active beside "
              f"them: {got['events_per_s']} events/s, {got['cpu_us_per_event']} us of CPU an event, "
              f"{got['active_bytes_per_connection']} B more each; {got['rss_peak_mib']} MiB at most")

"""script/bench latency: from COMMIT's return to a consumer, beside a bare libpq receiver."""
import json
import pathlib
import shutil
import statistics
import subprocess

from bench.capture import Bench
from bench.cluster import BIN, Cluster, machine, say
from bench.server import Consumers
from bench.workloads import WORKLOADS

COMMITS_PER_S = 200


def percentiles(returned: list[int], arrived: list[int]) -> dict:
    delays = sorted(b - a for a, b in zip(returned, arrived))
    return {"p50_us": delays[len(delays) // 2], "p99_us": delays[len(delays) * 99 // 100]}


def read_times(path: pathlib.Path) -> list[int]:
    return [int(line) for line in path.read_text().split()]


def measure(options, folder: pathlib.Path, cluster: Cluster, visibility: str | None) -> dict:
    bench = Bench(folder, cluster, options.streaming, visibility)
    bench.prepare(WORKLOADS["inserts"], 0, 1)
    times, bare, returned = (folder / name for name in ("times", "bare", "returned"))
    libpq = f"host={cluster.data} port={cluster.port} user=postgres dbname=postgres"
    server = bench.serve(bench.template)
    try:
        server.wait("/capturez")
        consumer = Consumers(server, folder, bench.key_file, options.commits, "--times", times)
        receiver = subprocess.Popen([BIN / "bench/bench_receiver", libpq, "master", "pulse_default.all", str(options.commits), bare],
                                    stdout=subprocess.PIPE, text=True)
        if receiver.stdout.readline().strip() != "open":
            raise RuntimeError("the bare receiver could not start")
        subprocess.run([BIN / "bench/bench_committer", libpq, str(options.commits), str(COMMITS_PER_S), returned], check=True)
        consumer.result()
        receiver.wait()
    finally:
        server.stop()
    pulse = percentiles(read_times(returned), read_times(times))
    floor = percentiles(read_times(returned), read_times(bare))
    return {"commits": options.commits, "commits_per_s": COMMITS_PER_S, "pulse": pulse, "bare_libpq": floor,
            "ratio_p50": round(pulse["p50_us"] / max(floor["p50_us"], 1), 2),
            "ratio_p99": round(pulse["p99_us"] / max(floor["p99_us"], 1), 2), "machine": machine()}


def measure_once(options, folder: pathlib.Path, visibility: str | None) -> dict:
    """On a cluster of its own."""
    cluster = Cluster(folder)
    try:
        return measure(options, folder, cluster, visibility)
    finally:
        cluster.stop()


def compare(options, folder: pathlib.Path) -> None:
    """What `visibility` costs: with it and without it in turn, and the medians of the runs' differences."""
    more: dict[str, list[int]] = {"p50_us": [], "p99_us": []}
    runs: dict[str, list[dict]] = {"on": [], "off": []}
    for number in range(1, (options.runs or 5) + 1):
        for setting, all_of_it in runs.items():
            own = folder / f"{setting}{number}"
            all_of_it.append(measure_once(options, own, setting)["pulse"])
            shutil.rmtree(own)
        for figure, differences in more.items():
            differences.append(runs["on"][-1][figure] - runs["off"][-1][figure])
        say(f"run {number}: on {runs['on'][-1]}, off {runs['off'][-1]}")
    outcome = {"commits": options.commits, "commits_per_s": COMMITS_PER_S, "runs": runs, "machine": machine(),
               **{f"more_{figure}": round(statistics.median(differences)) for figure, differences in more.items()}}
    if options.json:
        print(json.dumps(outcome))
    else:
        print(f"visibility on costs {outcome['more_p50_us']} us at p50 and {outcome['more_p99_us']} us at p99 (medians of "
              f"{len(runs['on'])} runs)")


def run(options, folder: pathlib.Path) -> None:
    if options.compare_visibility:
        return compare(options, folder)
    outcome = measure_once(options, folder, options.visibility)
    if options.json:
        print(json.dumps(outcome))
    else:
        pulse, floor = outcome["pulse"], outcome["bare_libpq"]
        print(f"COMMIT's return to the consumer: p50 {pulse['p50_us']} us, p99 {pulse['p99_us']} us; to a bare libpq "
              f"receiver: p50 {floor['p50_us']} us, p99 {floor['p99_us']} us")

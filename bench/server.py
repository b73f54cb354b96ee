"""`pulse serve` with its figures, and the consumers that read from it."""
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

from bench.cluster import BIN, SUBSCRIPTION, finish, free_ports


class RefusedSetting(RuntimeError):
    """pulse ended with the exit code that says: the command line or a setting cannot be understood."""


class Server:
    """`pulse serve` on a data folder, with `arguments` that say which database or which configuration."""

    def __init__(self, folder: pathlib.Path, data: pathlib.Path, *arguments):
        self.data = data
        self.port, self.admin_port = free_ports(2)
        self.log_file = folder / "pulse.log"
        self.log_from = self.log_file.stat().st_size if self.log_file.exists() else 0
        self.log = self.log_file.open("a")
        self.process = subprocess.Popen(
            [BIN / "pulse", "serve", "--listen", f"127.0.0.1:{self.port}", "--admin-listen", f"127.0.0.1:{self.admin_port}",
             "--data-dir", data, *arguments], stdout=self.log, stderr=self.log)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError:
            return 0, ""

    def wait(self, path: str) -> None:
        self.wait_until(lambda: self.get(path)[0] == 200, path)

    def wait_until(self, condition, what: str) -> None:
        for _ in range(600):
            if condition():
                return
            if self.process.poll() is not None:
                with self.log_file.open() as log:
                    log.seek(self.log_from)
                    words = log.read()[-2000:]
                raise (RefusedSetting if self.process.returncode == 2 else RuntimeError)(f"pulse has ended: {words}")
            time.sleep(0.05)
        raise RuntimeError(f"pulse: waited in vain for {what}")

    def capture_problem(self, project: str) -> dict | None:
        """What /capturez says about the project; nothing when its capture goes on, or when the server does not answer."""
        status, body = self.get("/capturez")
        return json.loads(body).get("projects", {}).get(project) if status else None

    def capture_goes_on(self, project: str) -> bool:
        status, body = self.get("/capturez")
        return status != 0 and project not in json.loads(body).get("projects", {})

    def metric(self, name: str) -> float:
        """A metric by its name and labels, as the text format writes them; 0 when it is not there."""
        return next((float(line[len(name):]) for line in self.get("/metrics")[1].splitlines()
                     if line.startswith(name + " ")), 0.0)

    def make_key(self, project: str, file: pathlib.Path) -> None:
        finish([BIN / "pulse", "keys", "create", "--project", project, "--data-dir", self.data, "--out", file],
               env={**os.environ, "PULSE_URL": f"http://127.0.0.1:{self.admin_port}"})

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.log.close()


class Consumers:
    """One process with `connections` streams NAME-1, NAME-2, …; open when this is made."""

    def __init__(self, server: Server, folder: pathlib.Path, key_file: pathlib.Path, events: int, *more, connections: int = 1,
                 name: str = "bench", where: dict | None = None):
        subscription = folder / f"subscription-{name}.json"
        subscription.write_text(json.dumps({**json.loads(SUBSCRIPTION), **({"where": where} if where else {})}))
        self.process = subprocess.Popen(
            [BIN / "bench/bench_consumer", "--port", str(server.port), "--key-file", key_file, "--subscription-file",
             subscription, "--name", name, "--events", str(events), "--connections", str(connections), *more],
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "open":
            self.process.wait()
            raise RuntimeError("a consumer could not open its stream")

    def result(self) -> dict:
        """Waits until each stream has its events."""
        line = self.process.stdout.readline()
        if self.process.wait() != 0 or not line:
            raise RuntimeError("a consumer has ended before it had everything")
        return json.loads(line)

    def abandon(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

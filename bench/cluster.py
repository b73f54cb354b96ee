"""A throwaway PostgreSQL, and the paths and words that all measurements share."""
import json
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build/release"
PG = pathlib.Path(os.environ.get("PULSE_PG_BIN", "/usr/lib/postgresql/15/bin"))
SUBSCRIPTION = json.dumps(
    {"modelName": "bench", "model": {"dbName": None, "fields": [
        {"name": name, "kind": "scalar", "type": kind}
        for name, kind in [("id", "BigInt"), ("tenant", "Int"), ("kind", "String"), ("at", "DateTime"), ("body", "String")]
    ]}}
)
# 8 + 4 + 11 + 8 and a body of 201 characters make 240 bytes with the lengths.
TABLE = """CREATE TABLE bench (id bigserial PRIMARY KEY, tenant int NOT NULL DEFAULT 7, kind text NOT NULL DEFAULT
           'row.created', at timestamptz NOT NULL DEFAULT now(), body text NOT NULL)"""
# How PostgreSQL is reached by whoever receives its changes.
TRANSPORTS = ("unix", "tcp", "tls")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def machine() -> dict:
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": os.cpu_count()}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def finish(command: list, **more) -> str:
    """What the command prints; its own words in the exception when it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


class Cluster:
    """PostgreSQL in a temporary folder, on a Unix socket and on 127.0.0.1 with and without TLS."""

    def __init__(self, folder: pathlib.Path):
        self.data = folder / "postgres"
        self.user = None
        self.data.mkdir(parents=True)
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            self.user = pwd.getpwnam("nobody")
            os.chmod(folder, 0o755)
            os.chown(self.data, self.user.pw_uid, self.user.pw_gid)
        self.run(PG / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        certificate, key = self.data / "server.crt", self.data / "server.key"
        self.run("openssl", "req", "-new", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048", "-subj", "/CN=localhost",
                 "-out", certificate, "-keyout", key)
        key.chmod(0o600)
        self.port = free_ports(1)[0]
        settings = {
            "wal_level": "logical", "listen_addresses": "'127.0.0.1'", "port": str(self.port),
            "unix_socket_directories": f"'{self.data}'", "ssl": "on", "max_wal_size": "8GB", "shared_buffers": "512MB",
            "checkpoint_timeout": "30min", "max_replication_slots": "20", "logical_decoding_work_mem": "64MB",
            "autovacuum": "off",
        }
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("\n".join(f"{name} = {value}" for name, value in settings.items()) + "\n")
        self.run(PG / "pg_ctl", "-D", self.data, "-l", self.data / "log", "-w", "start")

    def url(self, transport: str = "unix", database: str = "postgres", port: int | None = None) -> str:
        port = port or self.port
        if transport == "unix":
            return f"postgresql://postgres@/{database}?host={urllib.parse.quote(str(self.data))}&port={port}"
        # Said in both cases: libpq's default would take TLS where it is offered.
        mode = {"tcp": "disable", "tls": "require"}[transport]
        return f"postgresql://postgres@127.0.0.1:{port}/{database}?sslmode={mode}"

    def run(self, *command) -> str:
        extra = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        return finish(list(command), cwd="/", **extra)

    def sql(self, text: str, settings: str = "", database: str = "postgres") -> str:
        return finish([PG / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database=database),
                       "-c", text], env={**os.environ, "PGOPTIONS": settings}).strip()

    def published(self, database: str = "postgres") -> str:
        """The option by which pgoutput sends what Pulse's own publications say."""
        names = self.sql("SELECT string_agg(quote_ident(pubname), ',') FROM pg_publication", database=database)
        return f"publication_names={names}"

    def copy_slot(self, source: str, to: str, database: str = "postgres") -> None:
        self.sql(f"SELECT pg_copy_logical_replication_slot('{source}', '{to}')", database=database)

    def drop_slot(self, name: str) -> None:
        for _ in range(100):
            if self.sql(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{name}' AND active") == "0":
                break
            time.sleep(0.1)
        self.sql(f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{name}'")

    def replace_slot(self, source: str, to: str, database: str = "postgres") -> None:
        self.drop_slot(to)
        self.copy_slot(source, to, database)

    def end_of_wal(self) -> str:
        self.sql("CHECKPOINT")
        return self.sql("SELECT pg_current_wal_flush_lsn()")

    def stop(self) -> None:
        self.run(PG / "pg_ctl", "-D", self.data, "-m", "immediate", "stop")


class Holder:
    """Keeps a slot busy, so that Pulse waits for it: nothing has a head start before the clock runs."""

    # The walsender has nothing left to do but wait for its client, or for more to be written.
    IDLE = "'WalSenderWriteData', 'WalSenderWaitForWAL', 'WalSenderMain'"

    def __init__(self, cluster: Cluster, slot: str, database: str = "postgres"):
        # Feedback is off (-s 0), so that the slot stays where it is.
        self.process = subprocess.Popen(
            [PG / "pg_recvlogical", "-d", cluster.url(database=database), "-S", slot, "--start", "-f", "/dev/null", "-s", "0",
             "--no-loop", "-o", "proto_version=1", "-o", cluster.published(database)], stderr=subprocess.DEVNULL)
        try:
            self.wait(cluster, f"SELECT active FROM pg_replication_slots WHERE slot_name = '{slot}'")
            # Stopped, it confirms nothing, and its walsender stalls as soon as the socket is full: it must not go on
            # decoding beside what is measured.
            self.process.send_signal(signal.SIGSTOP)
            self.wait(cluster, f"""SELECT wait_event IN ({self.IDLE}) FROM pg_stat_activity JOIN pg_replication_slots ON
                                   active_pid = pid WHERE slot_name = '{slot}'""")
        except BaseException:
            self.release()
            raise

    def wait(self, cluster: Cluster, question: str) -> None:
        for _ in range(3000):
            if cluster.sql(question) == "t":
                return
            if self.process.poll() is not None:
                raise RuntimeError("pg_recvlogical could not take the slot")
            time.sleep(0.02)
        raise RuntimeError("the slot's walsender does not come to rest")

    def release(self) -> float:
        """Lets go of the slot; the moment (time.monotonic) at which that began."""
        at = time.monotonic()
        self.process.kill()
        self.process.wait()
        return at

"""What is written before the runs."""
import dataclasses

from bench.cluster import TABLE, Cluster, say

SHORT_BODY = "repeat('b', 201)"
# Hexadecimal digits of random bytes: PostgreSQL's compression would find nothing in them, and is switched off besides.
# The reference to `n` has the subquery run anew for each row.
WIDE_BODY = """(SELECT string_agg(encode(sha512((random()::text || part)::bytea), 'hex'), '')
                FROM generate_series(1, 80) part WHERE n IS NOT NULL)"""


def insert(body: str, low: str, high: str) -> str:
    return f"INSERT INTO bench (body) SELECT {body} FROM generate_series({low}, {high}) n;"


def in_transactions(rows: int, size: int, statement: str) -> str:
    """The statement for the rows `low` to `high`, in transactions of `size` rows."""
    return f"""DO $$ DECLARE high bigint; BEGIN FOR low IN 1..{rows} BY {size} LOOP
        high := least(low + {size} - 1, {rows}); {statement} COMMIT;
      END LOOP; END $$"""


@dataclasses.dataclass(frozen=True)
class Workload:
    description: str
    # As many as make a run of some seconds.
    rows: int
    statement: str
    # Rows a transaction; 0: all of them.
    size: int
    # After the table is made and before anybody streams it; %d is the number of rows.
    preparation: tuple[str, ...] = ()

    def make_table(self, cluster: Cluster, rows: int, database: str = "postgres") -> None:
        cluster.sql(TABLE, database=database)
        for statement in self.preparation:
            cluster.sql(statement.replace("%d", str(rows)), database=database)

    def write(self, cluster: Cluster, rows: int, database: str = "postgres") -> None:
        say(f"writing: {self.description}; {rows} rows")
        cluster.sql(in_transactions(rows, self.size or rows, self.statement), "-c synchronous_commit=off", database)


WORKLOADS = {
    "inserts": Workload("inserts of 240 B in transactions of 100", 1_000_000, insert(SHORT_BODY, "low", "high"), 100),
    "one_transaction": Workload("inserts of 240 B, all in one transaction", 1_000_000, insert(SHORT_BODY, "low", "high"), 0),
    "full_updates": Workload(
        "updates of rows of 240 B with REPLICA IDENTITY FULL in transactions of 100", 800_000,
        "UPDATE bench SET body = repeat('c', 201) WHERE id BETWEEN low AND high;", 100,
        ("ALTER TABLE bench REPLICA IDENTITY FULL", insert(SHORT_BODY, "1", "%d"), "ANALYZE bench")),
    "wide_rows": Workload(
        "inserts of 10 KB that do not compress, in transactions of 100", 60_000, insert(WIDE_BODY, "low", "high"), 100,
        ("ALTER TABLE bench ALTER body SET STORAGE EXTERNAL",)),
    "single_row_transactions": Workload(
        "inserts of 240 B, each a transaction", 500_000, insert(SHORT_BODY, "low", "high"), 1),
}

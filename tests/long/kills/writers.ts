// Writes to the table of the model Writer for as long as it is let, through restarts of the database. Whether a commit
// that was cut off holds is for the database to say.
import type { Postgres } from '../../harness/postgres.js';
import type { Random } from '../../harness/random.js';
import { sleep } from '../../harness/wait.js';

const writers = 3;

export class RestlessWriters {
  largeCommitted = 0;
  private stopped = false;
  private largeRows = 0;
  private readonly running: Promise<void>[];

  constructor(
    private readonly postgres: Postgres,
    private readonly random: Random,
  ) {
    this.running = Array.from({ length: writers }, (_, writer) => this.write(writer));
  }

  // The next transaction has so many rows.
  writeLarge(rows: number): void {
    this.largeRows = rows;
  }

  private async write(writer: number): Promise<void> {
    let nextId = writer * 100_000_000;
    while (!this.stopped) {
      try {
        const client = await this.postgres.connect();
        try {
          while (!this.stopped) {
            const large = this.largeRows;
            this.largeRows = 0;
            const rows = large === 0 ? this.random.between(1, 8) : large;
            const from = nextId;
            // Used up, whatever becomes of it.
            nextId += rows;
            // Random text, so that compression leaves it its size and segments fill.
            const text = this.random.bytes(large === 0 ? 120 : 20).toString('base64');
            await client.query('INSERT INTO "Writer" SELECT n, $3 FROM generate_series($1::int, $2::int) n', [
              from + 1,
              from + rows,
              text,
            ]);
            if (large !== 0) this.largeCommitted++;
            await sleep(this.random.between(2, 25));
          }
        } finally {
          await client.end().catch(() => {});
        }
      } catch {
        // The database is away.
        await sleep(50);
      }
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }
}

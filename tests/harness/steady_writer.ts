// Rows that are written without a pause: numbered from 1, so many a transaction.
import type { Postgres } from './postgres.js';
import { sleep } from './wait.js';

export class SteadyWriter {
  // How many rows are committed, and the number of the last one.
  written = 0;
  private stopped = false;
  private readonly running: Promise<void>;

  // `insert` takes the first and the last number of a transaction's rows as $1 and $2.
  constructor(
    private readonly postgres: Postgres,
    private readonly insert: string,
    private readonly pace: { rows: number; pauseMs: number },
  ) {
    this.running = this.write();
  }

  private async write(): Promise<void> {
    const client = await this.postgres.connect();
    while (!this.stopped) {
      await client.query(this.insert, [this.written + 1, this.written + this.pace.rows]);
      this.written += this.pace.rows;
      await sleep(this.pace.pauseMs);
    }
    await client.end();
  }

  // When this returns, all that was begun is committed.
  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  get numbers(): number[] {
    return Array.from({ length: this.written }, (_, index) => index + 1);
  }
}

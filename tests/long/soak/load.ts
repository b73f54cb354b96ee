// What an application writes in a day: rows that come, change and go, at a pace that changes, through restarts of the
// database.
import type { Postgres } from '../../harness/postgres.js';
import type { Random } from '../../harness/random.js';
import { sleep, until } from '../../harness/wait.js';

const writers = 2;

export class Load {
  private stopped = false;
  private paused = false;
  private busy = 0;
  private version = 0;
  private readonly running: Promise<void>[];

  constructor(
    private readonly postgres: Postgres,
    private readonly random: Random,
  ) {
    this.running = Array.from({ length: writers }, (_, writer) => this.write(writer));
  }

  // Each writer has rows of its own, so that none waits for another.
  private statement(writer: number): string {
    const version = ++this.version;
    const from = writer * 1_000_000 + this.random.between(0, 2000);
    const rows = this.random.chance(0.01) ? 2000 : this.random.between(1, 20);
    const where = `id BETWEEN ${from} AND ${from + rows - 1}`;
    const text = this.random.bytes(90).toString('base64');
    if (this.random.chance(0.2)) return `DELETE FROM days WHERE ${where}`;
    if (this.random.chance(0.3)) return `UPDATE days SET version = ${version}, text = '${text}' WHERE ${where}`;
    return `INSERT INTO days SELECT id, ${version}, '${text}' FROM generate_series(${from}, ${from + rows - 1}) id
              ON CONFLICT (id) DO UPDATE SET version = excluded.version`;
  }

  private async write(writer: number): Promise<void> {
    while (!this.stopped) {
      try {
        const client = await this.postgres.connect();
        try {
          while (!this.stopped) {
            if (!this.paused) {
              this.busy++;
              await client.query(this.statement(writer)).finally(() => this.busy--);
            }
            await sleep(this.random.between(2, 30));
          }
        } finally {
          await client.end().catch(() => {});
        }
      } catch {
        // The database is away; whether the statement holds is for it to say.
        await sleep(50);
      }
    }
  }

  // When this returns nothing is being written.
  async pause(): Promise<void> {
    this.paused = true;
    await until('the writers to pause', () => this.busy === 0);
  }

  goOn(): void {
    this.paused = false;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }
}

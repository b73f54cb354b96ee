// A cluster's files, copied while it is stopped, and put back later: a snapshot of its disk.
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Postgres } from './postgres.js';

export class DatabaseFiles {
  private readonly copy: string;

  constructor(private readonly postgres: Postgres) {
    this.copy = join(postgres.folder, 'backup');
  }

  // As the files' owner, where the tests run as root.
  private shell(script: string): void {
    execFileSync('sh', ['-c', script, this.postgres.dataFolder, this.copy]);
  }

  async backUp(): Promise<void> {
    await this.postgres.stop('fast');
    this.shell('cp -a "$0" "$1"');
    await this.postgres.start();
  }

  // `then` runs before the cluster is started: "$0" is its folder.
  async restore(then = ''): Promise<void> {
    await this.postgres.stop('fast');
    rmSync(this.postgres.dataFolder, { recursive: true });
    renameSync(this.copy, this.postgres.dataFolder);
    this.shell(`: ${then}`);
    await this.postgres.start();
  }
}

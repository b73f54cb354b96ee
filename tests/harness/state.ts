// The server's own state, changed behind its back: what a disk or a person does to it.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import type { Pulse } from './pulse.js';

// One statement on the state database, beside the server that uses it.
export function changeState(pulse: Pulse, sql: string): void {
  execFileSync('python3', [
    '-c',
    'import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2])',
    join(pulse.dataFolder, 'pulse.db'),
    sql,
  ]);
}

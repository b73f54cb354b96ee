// A consumer that is a process of its own, with the published client in it: it can be killed and frozen as a process
// is. What its loop body gets is read from a file, which outlives it.
import { closeSync, mkdtempSync, openSync, readSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { atExit, removeFolder } from './cleanup.js';
import { type Ended, Program } from './process.js';
import type { Pulse } from './pulse.js';

// One event in the loop body's hands. `at` is in nanoseconds, by the clock of `process.hrtime.bigint()`, which all
// processes of a machine share.
export interface Handled {
  id: string;
  row: number;
  at: bigint;
}

const loop = fileURLToPath(new URL('../client/writer_loop.js', import.meta.url));

export class ConsumerProcess {
  private readonly folder = mkdtempSync(join(tmpdir(), 'pulse-consumer-'));
  private readonly forget = atExit(() => removeFolder(this.folder));
  private readonly all: Handled[] = [];
  private readBytes = 0;
  private unfinished = '';
  private program: Program;

  // On the table of the model Writer in tests/client/schema.prisma.
  constructor(
    private readonly pulse: Pulse,
    private readonly stream: string,
  ) {
    writeFileSync(this.eventFile, '');
    this.program = this.launch();
  }

  private get eventFile(): string {
    return join(this.folder, 'events');
  }

  private launch(): Program {
    return new Program(process.execPath, [loop, this.pulse.url, this.stream, this.eventFile], {
      logFile: join(this.folder, 'log'),
      env: { PULSE_API_KEY: this.pulse.apiKey },
      signalOnParentEnd: 'KILL',
    });
  }

  // A new process in the place of one that has ended; what was handled before stays known.
  restart(): void {
    this.program = this.launch();
  }

  // Everything that its loop body has had, all its processes together.
  handled(): readonly Handled[] {
    const file = openSync(this.eventFile, 'r');
    const chunk = Buffer.alloc(1 << 16);
    try {
      for (;;) {
        const got = readSync(file, chunk, 0, chunk.length, this.readBytes);
        if (got === 0) return this.all;
        this.readBytes += got;
        const lines = (this.unfinished + chunk.toString('latin1', 0, got)).split('\n');
        this.unfinished = lines.pop() ?? '';
        for (const line of lines) {
          const [id = '', row = '', at = ''] = line.split(' ');
          this.all.push({ id, row: Number(row), at: BigInt(at) });
        }
      }
    } finally {
      closeSync(file);
    }
  }

  get logTail(): string {
    return this.program.tail(15);
  }

  get running(): boolean {
    return this.program.running;
  }

  signal(name: NodeJS.Signals): void {
    this.program.signal(name);
  }

  endBy(name: NodeJS.Signals, timeoutMs = 15_000): Promise<Ended> {
    return this.program.endBy(name, timeoutMs);
  }

  async remove(): Promise<void> {
    if (this.running) await this.endBy('SIGKILL');
    removeFolder(this.folder);
    this.forget();
  }
}

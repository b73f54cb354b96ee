// A file system of a few megabytes, on which a test's disk really is full.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { atExit } from './cleanup.js';

export class SmallDisk {
  private readonly forget: () => void;

  private constructor(private readonly folder: string) {
    this.forget = atExit(() => this.unmount());
  }

  // In memory; mounted on `folder` until unmount(). A text: why that may not be done here.
  static mount(folder: string, mib: number): SmallDisk | string {
    mkdirSync(folder, { recursive: true });
    const options = `size=${mib}m,mode=0700`;
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], {
      encoding: 'utf8',
    });
    return status === 0 ? new SmallDisk(folder) : stderr.trim();
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  // Takes all but so much with a file of its own.
  fillButFor(bytes: number): void {
    writeFileSync(this.ballast, Buffer.alloc(Math.max(this.freeBytes - bytes, 0)));
  }

  empty(): void {
    rmSync(this.ballast);
  }

  unmount(): void {
    this.forget();
    execFileSync('umount', ['--lazy', this.folder]);
  }

  private get ballast(): string {
    return join(this.folder, 'ballast');
  }
}

// Nothing that a test starts or makes outlives it, however it ends.
import { rmSync } from 'node:fs';

const undo = new Set<() => void>();
let installed = false;

function runAll(): void {
  for (const step of [...undo].reverse()) {
    try {
      step();
    } catch (reason) {
      console.error(`cleanup: ${String(reason)}`);
    }
  }
  undo.clear();
}

// Runs `step` (which must not wait) when this process ends, by itself or by a signal. Returns how to take it back.
export function atExit(step: () => void): () => void {
  if (!installed) {
    installed = true;
    process.on('exit', runAll);
    for (const [name, number] of [
      ['SIGINT', 2],
      ['SIGTERM', 15],
      ['SIGHUP', 1],
    ] as const) {
      process.on(name, () => process.exit(128 + number));
    }
  }
  undo.add(step);
  return () => undo.delete(step);
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

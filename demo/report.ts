// The demo's output: headings, events, and checks that decide how it ends.

const began = Date.now();
let checks = 0;
let failures = 0;

export function heading(text: string): void {
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`\n${text} ${'-'.repeat(Math.max(3, 92 - text.length - seconds.length))} ${seconds} s`);
}

export function say(text: string): void {
  console.log(`  ${text}`);
}

export function check(text: string, holds: boolean): void {
  checks++;
  if (!holds) failures++;
  console.log(`  ${holds ? 'ok    ' : 'FAILED'}  ${text}`);
}

// The last line; returns the exit code.
export function summary(text: string): number {
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  console.log(
    `\n${failures === 0 ? 'demo passed' : 'DEMO FAILED'}: ${checks - failures} of ${checks} checks; ${text}; ${seconds} s`,
  );
  return failures === 0 ? 0 : 1;
}

interface Shown {
  action: string;
  id: string;
  created?: unknown;
  after?: unknown;
  deleted?: unknown;
}

// One event on one line.
export function event(shown: Shown): void {
  const row = (shown.created ?? shown.after ?? shown.deleted) as Record<string, unknown>;
  const values = Object.entries(row).map(
    ([name, value]) => `${name}=${value instanceof Date ? value.toISOString() : String(value)}`,
  );
  console.log(`  ${shown.id}  ${shown.action.padEnd(6)}  ${values.join('  ')}`);
}

// Waiting for something to become true, with a bound that fails loudly. No test sleeps to let something happen.

// A server that is many times slower, as with a sanitizer, is waited for so many times longer. See tests/sanitized.
const patience = Number(process.env.PULSE_TEST_PATIENCE ?? 1);

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

// Asks again until the answer is neither undefined nor false. `what` completes "waited N s for ...".
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  { timeoutMs = 30_000, everyMs = 25 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, undefined | null | false>> {
  const limitMs = timeoutMs * patience;
  // A machine's clock may be set meanwhile.
  const deadline = performance.now() + limitMs;
  let lastReason: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) {
        return answer as Exclude<T, undefined | null | false>;
      }
      lastReason = undefined;
    } catch (reason) {
      lastReason = reason;
    }
    if (performance.now() > deadline) {
      const because = lastReason === undefined ? '' : ` (last: ${String(lastReason)})`;
      throw new Error(`waited ${limitMs / 1000} s for ${what}${because}`);
    }
    await sleep(everyMs);
  }
}

export async function within<T>(what: string, timeoutMs: number, work: Promise<T>): Promise<T> {
  const limitMs = timeoutMs * patience;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs / 1000} s for ${what}`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

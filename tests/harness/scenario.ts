// One test with real parts: what it starts ends with it, and when it fails it shows what the parts said.
import { test } from 'node:test';
import type { Consumer, ConsumerOptions } from './consumer.js';
import { ConsumerProcess } from './consumer_process.js';
import { postgresMajor } from './paths.js';
import { Postgres, type PostgresOptions } from './postgres.js';
import { type Carries, Proxy } from './proxy.js';
import { Pulse, type PulseOptions } from './pulse.js';
import { Random } from './random.js';
import { within } from './wait.js';

export class Scenario {
  // The seed is printed when the test fails.
  readonly random = new Random();
  private readonly parts: { say?: () => string; end: () => Promise<unknown> | void }[] = [];

  constructor(readonly note: (message: string) => void) {}

  async postgres(options?: PostgresOptions): Promise<Postgres> {
    const postgres = await Postgres.start(options);
    this.parts.push({ say: () => `--- PostgreSQL\n${postgres.logTail}`, end: () => postgres.remove() });
    return postgres;
  }

  async standbyOf(primary: Postgres, settings?: Record<string, string>): Promise<Postgres> {
    const standby = await Postgres.standbyOf(primary, settings);
    this.parts.push({ say: () => `--- standby\n${standby.logTail}`, end: () => standby.remove() });
    return standby;
  }

  async pulse(options: PulseOptions): Promise<Pulse> {
    const pulse = await this.unstarted(options);
    await pulse.start();
    return pulse;
  }

  // Prepared, for a test that starts it itself.
  async unstarted(options: PulseOptions): Promise<Pulse> {
    const pulse = await Pulse.prepare(options);
    this.parts.push({ say: () => `--- pulse\n${pulse.logTail}`, end: () => pulse.remove() });
    return pulse;
  }

  async consumer(
    pulse: Pulse,
    options: Omit<ConsumerOptions, 'url' | 'apiKey'> & { apiKey?: string },
  ): Promise<Consumer> {
    const consumer = await pulse.consume(options);
    this.parts.push({ end: () => consumer.terminate() });
    return consumer;
  }

  // To a port of 127.0.0.1, not yet open.
  async proxy(targetPort: number, carries?: Carries): Promise<Proxy> {
    const proxy = await Proxy.prepare(targetPort, carries);
    this.parts.push({ end: () => proxy.close() });
    return proxy;
  }

  // The published client in a process of its own; see ConsumerProcess.
  consumerProcess(pulse: Pulse, stream: string): ConsumerProcess {
    const consumer = new ConsumerProcess(pulse, stream);
    this.parts.push({ say: () => `--- consumer process\n${consumer.logTail}`, end: () => consumer.remove() });
    return consumer;
  }

  // Runs at the test's end, last come first.
  atEnd(end: () => Promise<unknown> | void): void {
    this.parts.push({ end });
  }

  report(): string {
    return [
      ...this.parts.map((part) => part.say?.()).filter(Boolean),
      `seed: PULSE_TEST_SEED=${this.random.seed}`,
    ].join('\n');
  }

  async end(): Promise<void> {
    for (const part of this.parts.reverse()) {
      try {
        await part.end();
      } catch (reason) {
        console.error(`at the end of the test: ${String(reason)}`);
      }
    }
  }
}

export interface ScenarioOptions {
  readonly timeoutMs?: number;
  // The first major version of PostgreSQL that has what this is about; skipped on older ones.
  readonly from?: number;
}

export function scenario(
  name: string,
  body: (scenario: Scenario) => Promise<void>,
  { timeoutMs = 120_000, from = 0 }: ScenarioOptions = {},
): void {
  const skip = postgresMajor < from && `for PostgreSQL ${from} and later`;
  void test(name, { skip }, async (context) => {
    const running = new Scenario((message) => context.diagnostic(message));
    try {
      // The runner's own timeout would leave the parts running.
      await within('the test to end', timeoutMs, body(running));
    } catch (reason) {
      console.error(`"${name}" failed\n${running.report()}`);
      throw reason;
    } finally {
      await running.end();
    }
  });
}

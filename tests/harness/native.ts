// A consumer of native events (docs/native_events.md), which keeps the frames as they came: what a parser would lose counts.
import { WebSocket } from 'ws';
import { Refused } from './consumer.js';
import type { Where } from './model.js';
import type { Pulse } from './pulse.js';
import type { Scenario } from './scenario.js';
import { until } from './wait.js';

export interface NativeEvent {
  action: 'create' | 'update' | 'delete' | 'truncate';
  id: string;
  schema: string;
  table: string;
  commit_lsn: string;
  lsn: string;
  committed_at: string;
  before: Record<string, unknown> | null;
  before_kind: 'none' | 'key' | 'full';
  after: Record<string, unknown> | null;
  unchanged?: string[];
  unrendered?: { before?: string[]; after?: string[] };
  json_null?: { before?: string[]; after?: string[] };
}

export interface NativeOptions {
  table: string;
  schema?: string;
  where?: Where;
  name?: string;
  apiKey?: string;
  path?: '/stream' | '/subscribe';
}

export class NativeConsumer {
  readonly texts: string[] = [];

  private constructor(private readonly socket: WebSocket) {}

  // Rejects with `Refused`. Acknowledges everything at once.
  static open(s: Scenario, pulse: Pick<Pulse, 'url' | 'apiKey'>, options: NativeOptions): Promise<NativeConsumer> {
    const { path = '/stream', name, apiKey = pulse.apiKey, ...subscription } = options;
    // Latin-1 is all that a header can hold: JSON's escapes say the rest.
    const escaped = JSON.stringify(subscription).replace(
      /[\u0080-\uffff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    const socket = new WebSocket(new URL(path, pulse.url), {
      headers: {
        authorization: `Bearer ${apiKey}`,
        subscription: escaped,
        stream: JSON.stringify({ name }),
      },
    });
    const consumer = new NativeConsumer(socket);
    s.atEnd(() => socket.terminate());
    socket.on('message', (data) => {
      const text = (data as Buffer).toString();
      consumer.texts.push(text);
      const { id } = JSON.parse(text) as NativeEvent;
      socket.send(JSON.stringify({ type: 'ack', id }));
    });
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(consumer));
      socket.on('error', reject);
      socket.once('unexpected-response', (_, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => reject(new Refused(response.statusCode ?? 0, Buffer.concat(chunks).toString())));
      });
    });
  }

  get events(): NativeEvent[] {
    return this.texts.map((text) => JSON.parse(text) as NativeEvent);
  }

  // Every acknowledgement has arrived when this resolves.
  async close(): Promise<void> {
    const { socket } = this;
    await new Promise((resolve) => {
      socket.once('close', resolve);
      socket.close();
    });
  }

  async untilReceived(count: number, timeoutMs = 60_000): Promise<void> {
    await until(`${count} events`, () => this.texts.length >= count, { timeoutMs });
  }
}

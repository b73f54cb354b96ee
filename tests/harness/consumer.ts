// A consumer that speaks the wire protocol itself: what it does with frames and acknowledgements is the test's choice.
import { type RawData, WebSocket } from 'ws';

import { type Model, streamHeaders, type Where } from './model.js';
import { until } from './wait.js';

export interface Frame {
  action: 'create' | 'update' | 'delete';
  id: string;
  modelName: string;
  created?: Record<string, unknown>;
  before?: Record<string, unknown> | null;
  after?: Record<string, unknown>;
  deleted?: Record<string, unknown>;
}

// The row that the event is about: the new one where there is one.
export function rowOf(frame: Frame): Record<string, unknown> {
  return frame.created ?? frame.after ?? frame.deleted ?? {};
}

export interface ConsumerOptions {
  url: string;
  apiKey: string;
  // Trusted, for a URL that begins with wss://: PEM.
  ca?: string;
  model: Model;
  path?: '/stream' | '/subscribe';
  name?: string;
  where?: Where;
  // each: at once, by an own message. none: never. manual: by acknowledge().
  ack?: 'each' | 'none' | 'manual';
  // Opens the stream again after it has ended; a refusal is tried again too.
  reconnect?: boolean;
  // Called with every event before it is acknowledged. `connection` counts from 1.
  onFrame?: (frame: Frame, connection: number) => void;
  // The same, as the characters that came.
  onText?: (text: string) => void;
  // Keeps the frames in `frames`. Off where there are too many to keep.
  keepFrames?: boolean;
}

// The answer that a server gave instead of the upgrade.
export class Refused extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`refused with ${status}: ${body}`);
    this.status = status;
    this.body = body;
  }

  json(): { code?: string; message?: string; requestId?: string; details?: unknown } {
    return JSON.parse(this.body) as ReturnType<Refused['json']>;
  }
}

export class Consumer {
  readonly frames: Frame[] = [];
  // Frames that have come in all, kept or not.
  received = 0;
  connections = 0;
  // How connections that had been open have ended, in order.
  readonly closes: { code: number; reason: string }[] = [];
  private readonly options: ConsumerOptions;
  private socket: WebSocket | undefined;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: ConsumerOptions) {
    this.options = options;
  }

  // Resolves when the stream is open for the first time; rejects with `Refused` or the socket's error. With
  // `reconnect` it only rejects when the first attempt is refused.
  static async open(options: ConsumerOptions): Promise<Consumer> {
    const consumer = new Consumer(options);
    await consumer.connect();
    return consumer;
  }

  private connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { url, apiKey, ca, model, path = '/stream', name, where } = this.options;
      const socket = new WebSocket(new URL(path, url), {
        headers: streamHeaders(apiKey, model, { name, where }),
        ...(ca === undefined ? {} : { ca }),
      });
      this.socket = socket;
      let connection = 0;
      socket.on('open', () => {
        connection = ++this.connections;
        resolve();
      });
      socket.on('message', (data) => this.take(data, connection, socket));
      socket.on('error', reject);
      socket.on('unexpected-response', (request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          reject(new Refused(response.statusCode ?? 0, Buffer.concat(chunks).toString()));
          request.destroy();
          this.again();
        });
      });
      socket.on('close', (code, reason) => {
        if (connection !== 0) this.closes.push({ code, reason: reason.toString() });
        reject(new Error(`closed with ${code} ${reason.toString()}`));
        this.again();
      });
    });
  }

  private again(): void {
    if (this.stopped || !(this.options.reconnect ?? false) || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (!this.stopped) this.connect().catch(() => {});
    }, 100);
  }

  private take(data: RawData, connection: number, socket: WebSocket): void {
    // What was still in this process's buffers when the test closed the socket was not seen by "the application".
    if (this.stopped) return;
    const text = (data as Buffer).toString();
    this.options.onText?.(text);
    const frame = JSON.parse(text) as Frame;
    this.received++;
    if (this.options.keepFrames ?? true) this.frames.push(frame);
    this.options.onFrame?.(frame, connection);
    if ((this.options.ack ?? 'each') === 'each' && socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify({ type: 'ack', id: frame.id }));
    }
  }

  get lastClose(): { code: number; reason: string } | undefined {
    return this.closes.at(-1);
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  acknowledge(id: string): void {
    this.socket?.send(JSON.stringify({ type: 'ack', id }));
  }

  // Anything, as one text or binary frame.
  sendRaw(message: string | Buffer): void {
    this.socket?.send(message);
  }

  // Reads nothing from the socket any more, so that the server's side fills up.
  pause(): void {
    this.socket?.pause();
  }

  resume(): void {
    this.socket?.resume();
  }

  // Waits for a pong.
  ping(): Promise<void> {
    return new Promise((resolve) => {
      this.socket?.once('pong', () => resolve());
      this.socket?.ping();
    });
  }

  async untilReceived(count: number, timeoutMs = 30_000): Promise<void> {
    try {
      await until(`${count} events`, () => this.received >= count, { timeoutMs });
    } catch (reason) {
      throw new Error(`${String(reason)}; ${this.received} have come on ${this.connections} connections`);
    }
  }

  // Ends it as an application does that closes its stream.
  async close(): Promise<void> {
    this.stop();
    const socket = this.socket;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.resume();
      socket.close();
      setTimeout(() => socket.terminate(), 2000).unref();
    });
  }

  // Ends it as a machine does that loses its power: no closing handshake.
  terminate(): void {
    this.stop();
    this.socket?.terminate();
  }

  private stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }
}

// What Cloudflare Workers give and Node.js does not: a `fetch` that upgrades (Workers documentation, "Using the WebSockets
// API", and RFC 6455). It writes the request on a socket as Workers do, the extension's headers as they are, and speaks
// WebSocket on that socket: whole messages only, compressed or not, which is what the server sends. Everything else
// (Request, Response, streams) is Node.js's own.
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { inflateRawSync, constants as zlib } from 'node:zlib';

const opcode = { text: 1, close: 8, ping: 9, pong: 10 } as const;

class WorkersWebSocket extends EventTarget {
  static readonly OPEN = 1;
  static readonly CLOSED = 3;
  readyState = 0;
  private unread: Buffer;

  constructor(
    private readonly socket: Socket,
    head: Buffer,
  ) {
    super();
    this.unread = head;
    socket.pause();
  }

  // Workers report what a listener throws, and go on; Node.js would end.
  override addEventListener(
    type: string,
    listener: (event: Event) => void,
    options?: Parameters<EventTarget['addEventListener']>[2],
  ): void {
    const guarded = (event: Event): void => {
      try {
        listener(event);
      } catch (reason) {
        console.error(`a listener for "${type}" threw: ${String(reason)}`);
      }
    };
    super.addEventListener(type, guarded, options);
  }

  // Nothing is read before this, so nothing is lost before the extension listens.
  accept(): void {
    this.readyState = WorkersWebSocket.OPEN;
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', () => {});
    this.socket.on('close', () => this.ended());
    this.read(Buffer.alloc(0));
    this.socket.resume();
  }

  send(text: string): void {
    this.write(opcode.text, Buffer.from(text));
  }

  close(): void {
    if (this.readyState === WorkersWebSocket.OPEN) this.write(opcode.close, Buffer.alloc(0));
  }

  // A client masks what it sends; section 5.3.
  private write(code: number, payload: Buffer): void {
    const mask = randomBytes(4);
    const length = payload.length < 126 ? Buffer.from([0x80 | payload.length]) : Buffer.alloc(3);
    if (payload.length >= 126) {
      length[0] = 0x80 | 126;
      length.writeUInt16BE(payload.length, 1);
    }
    const masked = payload.map((byte, index) => byte ^ (mask[index % 4] as number));
    this.socket.write(Buffer.concat([Buffer.from([0x80 | code]), length, mask, masked]));
  }

  // Section 5.2.
  private read(chunk: Buffer): void {
    this.unread = Buffer.concat([this.unread, chunk]);
    for (;;) {
      const [first = 0, second = 0] = this.unread;
      const lengthBytes = second === 127 ? 8 : second === 126 ? 2 : 0;
      const start = 2 + lengthBytes;
      if (this.unread.length < start) return;
      const length =
        second === 127 ? Number(this.unread.readBigUInt64BE(2)) : second === 126 ? this.unread.readUInt16BE(2) : second;
      if (this.unread.length < start + length) return;
      const payload = this.unread.subarray(start, start + length);
      this.unread = this.unread.subarray(start + length);
      this.take(first & 0x0f, (first & 0x40) !== 0, payload);
    }
  }

  private take(code: number, compressed: boolean, payload: Buffer): void {
    if (code === opcode.ping) return this.write(opcode.pong, payload);
    if (code === opcode.close) {
      this.socket.end();
      return this.ended();
    }
    if (code !== opcode.text) return;
    // RFC 7692, section 7.2.2.
    const tail = Buffer.from([0, 0, 0xff, 0xff]);
    const whole = compressed
      ? inflateRawSync(Buffer.concat([payload, tail]), { finishFlush: zlib.Z_SYNC_FLUSH })
      : payload;
    if (compressed) workersRuntime.compressedMessages++;
    this.dispatchEvent(Object.assign(new Event('message'), { data: whole.toString() }));
  }

  private ended(): void {
    if (this.readyState === WorkersWebSocket.CLOSED) return;
    this.readyState = WorkersWebSocket.CLOSED;
    this.dispatchEvent(Object.assign(new Event('close'), { code: 1006, reason: '' }));
  }
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const fetchOfNode = globalThis.fetch;

// Workers add what makes an upgrade of it. Other requests are Node.js's own.
function fetchOfWorkers(asked: Request | URL | string, init?: RequestInit): Promise<unknown> {
  if (!(asked instanceof Request) || asked.headers.get('upgrade') !== 'websocket') return fetchOfNode(asked, init);
  const headers = {
    ...Object.fromEntries(asked.headers),
    connection: 'Upgrade',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  };
  workersRuntime.requests.push(headers);
  return new Promise((resolve, reject) => {
    const sent = request(asked.url, { headers, agent: false });
    sent.once('error', reject);
    sent.once('upgrade', (answer, socket, head) => {
      const webSocket = new WorkersWebSocket(socket, head);
      resolve({ status: answer.statusCode, headers: new Headers(), webSocket, text: () => Promise.resolve('') });
    });
    sent.once('response', (answer) => {
      void bodyOf(answer).then((body) => resolve(new Response(body, { status: answer.statusCode ?? 0 })));
    });
    sent.end();
  });
}

export const workersRuntime = {
  // The headers of each upgrade, as they went out.
  requests: [] as Record<string, string>[],
  compressedMessages: 0,
  // Puts it in the place of what Node.js has, in this process.
  install(): void {
    Object.assign(globalThis, { fetch: fetchOfWorkers, WebSocket: WorkersWebSocket });
  },
};

// Stands between Pulse and PostgreSQL, or a client and Pulse, and makes the connection as bad as a test wants it: cut,
// stalled, corrupted, refused, or with PostgreSQL's messages changed on their way.
import { connect, createServer, type Server, type Socket } from 'node:net';

import { freePorts } from './process.js';

// What the server sends, one message: type, length (itself included, the type not), content; PostgreSQL manual, 55.7.
// May be changed in place, not in length.
export type Tamper = (message: Buffer) => void;

// PostgreSQL's messages, which are passed on whole, or anything.
export type Carries = 'postgres' | 'bytes';

const header = 5;
const sslRequest = 80877103;
const gssRequest = 80877104;

// Splits what a server sends into whole messages.
class Messages {
  private unfinished: Buffer = Buffer.alloc(0);
  // A request for encryption is answered by one byte that is no message; after a yes nothing can be read.
  private awaitsOneByte = false;
  private encrypted = false;

  clientSent(chunk: Buffer): void {
    if (this.encrypted || chunk.length !== 8) return;
    const code = chunk.readUInt32BE(4);
    this.awaitsOneByte = code === sslRequest || code === gssRequest;
  }

  // What can be passed on now, every message in it whole.
  serverSent(chunk: Buffer, tamper: Tamper | undefined): Buffer {
    if (this.awaitsOneByte) {
      this.awaitsOneByte = false;
      this.encrypted = chunk.toString('latin1', 0, 1) !== 'N';
      return chunk;
    }
    if (this.encrypted) return chunk;
    const bytes = Buffer.concat([this.unfinished, chunk]);
    let end = 0;
    while (bytes.length - end >= header) {
      const size = 1 + bytes.readUInt32BE(end + 1);
      if (bytes.length - end < size) break;
      tamper?.(bytes.subarray(end, end + size));
      end += size;
    }
    this.unfinished = bytes.subarray(end);
    return bytes.subarray(0, end);
  }
}

export class Proxy {
  // Called with each message of the server on connections that are not encrypted, replication and others.
  tamper: Tamper | undefined;
  // Changes what a client asks for when it connects, without encryption (PostgreSQL manual, 55.7, StartupMessage).
  changeStartup: ((message: Buffer) => Buffer) | undefined;
  // Connections accepted in all, and bytes passed on from the server in all.
  accepted = 0;
  serverBytes = 0;
  private server: Server | undefined;
  private replicationPort: number | undefined;
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private stalled = false;
  private cutAtBytes = Infinity;
  private corruptAtBytes = Infinity;

  private constructor(
    readonly port: number,
    private targetPort: number,
    private readonly carries: Carries,
  ) {}

  // To a port of 127.0.0.1. Refuses connections until open() is called, as a port does where nobody listens.
  static async prepare(targetPort: number, carries: Carries = 'postgres'): Promise<Proxy> {
    const [port] = await freePorts(1);
    return new Proxy(port as number, targetPort, carries);
  }

  async open(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.accept(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.server = server;
  }

  // Cuts what is connected, and refuses what comes.
  async close(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    this.cut();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  // Another server is behind it from now on, and where there is one, a third for replication connections, which must
  // then ask for no encryption first.
  async leadTo(port: number, replicationPort?: number): Promise<void> {
    await this.close();
    this.targetPort = port;
    this.replicationPort = replicationPort;
    await this.open();
  }

  get connections(): number {
    return this.pairs.size;
  }

  // Ends all connections at once; what is on its way is lost. New ones are let through. (Not by resetAndDestroy(): Node.js
  // leaks the socket and spins when a shutdown is under way.)
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  // The same once so many more bytes have come from the server, and not one byte later.
  cutAfter(bytes: number): void {
    this.cutAtBytes = this.serverBytes + bytes;
  }

  // Changes one bit of what comes from the server, once so many more bytes have come.
  corruptAfter(bytes: number): void {
    this.corruptAtBytes = this.serverBytes + bytes;
  }

  // Nothing gets through in either direction, and nobody is told; new connections are accepted and stall as well.
  stall(): void {
    this.stalled = true;
    for (const pair of this.pairs) for (const socket of pair) socket.pause();
  }

  resume(): void {
    this.stalled = false;
    for (const pair of this.pairs) for (const socket of pair) socket.resume();
  }

  private accept(client: Socket): void {
    this.accepted++;
    if (this.replicationPort === undefined) return this.join(client, this.targetPort);
    const replicationPort = this.replicationPort;
    client.on('error', () => {});
    client.once('data', (startup: Buffer) => {
      client.pause();
      client.unshift(startup);
      this.join(client, startup.includes('replication') ? replicationPort : this.targetPort);
      if (!this.stalled) client.resume();
    });
  }

  private join(client: Socket, port: number): void {
    const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const pair = [client, server] as const;
    this.pairs.add(pair);
    const messages = new Messages();
    let started = false;
    this.pass(client, server, (chunk) => {
      messages.clientSent(chunk);
      if (started || chunk.length === 8) return chunk;
      started = true;
      return this.changeStartup?.(chunk) ?? chunk;
    });
    this.pass(server, client, (chunk) =>
      this.count(this.carries === 'bytes' ? chunk : messages.serverSent(chunk, this.tamper)),
    );
    for (const socket of pair) {
      socket.setNoDelay(true);
      if (this.stalled) socket.pause();
      socket.on('error', () => {});
      socket.once('close', () => {
        for (const one of pair) one.destroy();
        this.pairs.delete(pair);
      });
    }
  }

  private pass(from: Socket, to: Socket, change: (chunk: Buffer) => Buffer): void {
    from.on('data', (chunk: Buffer) => {
      const room = to.write(change(chunk));
      if (this.serverBytes >= this.cutAtBytes) return this.cutNow(to);
      if (room) return;
      from.pause();
      to.once('drain', () => {
        if (!this.stalled) from.resume();
      });
    });
    from.once('end', () => to.end());
  }

  private count(bytes: Buffer): Buffer {
    const passed = bytes.subarray(0, Math.max(0, Math.min(bytes.length, this.cutAtBytes - this.serverBytes)));
    const at = this.corruptAtBytes - this.serverBytes;
    if (at < passed.length) {
      passed.writeUInt8(passed.readUInt8(at) ^ 0x10, at);
      this.corruptAtBytes = Infinity;
    }
    this.serverBytes += passed.length;
    return passed;
  }

  // What has been passed on is to arrive.
  private cutNow(last: Socket): void {
    this.cutAtBytes = Infinity;
    last.end(() => setImmediate(() => this.cut()));
  }
}

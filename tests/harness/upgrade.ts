// One upgrade request, to look at the answer itself.
import { request } from 'node:http';
import { connect } from 'node:net';

import { within } from './wait.js';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export function upgrade(url: string, path: string, headers: Record<string, string>, plain = false): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const answer = new Promise<Answer>((resolve, reject) => {
    const upgradeHeaders: Record<string, string> = plain
      ? {}
      : {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'AAECAwQFBgcICQoLDA0ODw==',
        };
    const asked = request({ hostname, port, path, headers: { ...upgradeHeaders, ...headers }, agent: false });
    asked.once('error', reject);
    asked.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' });
    });
    asked.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    asked.end();
  });
  return within(`an answer to ${path}`, 15_000, answer);
}

// Sends bytes as they are and returns everything that comes until the server closes or `timeoutMs` has passed.
export function rawExchange(url: string, bytes: Buffer | string, timeoutMs = 15_000): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString());
    };
    const timer = setTimeout(done, timeoutMs);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', done);
    socket.on('error', () => {});
    socket.write(bytes);
  });
}

// Debian's nginx and haproxy before Pulse, with the settings that docs/how-to/stream_events_over_http.md prints. On loopback,
// in a temporary folder, gone afterwards.
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { atExit, removeFolder } from './cleanup.js';
import { proxyPrograms, root } from './paths.js';
import { freePorts, Program } from './process.js';
import type { Scenario } from './scenario.js';
import { until } from './wait.js';

export type ReverseProxyKind = 'nginx' | 'haproxy';

// The block of this language in the guide, which names Pulse's address and the proxy's port as a reader would.
export function printedSettings(kind: ReverseProxyKind): string {
  const guide = readFileSync(join(root, 'docs/how-to/stream_events_over_http.md'), 'utf8');
  const [, text] = new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\`$`, 'ms').exec(guide) ?? [];
  if (text === undefined) throw new Error(`the guide prints no settings of ${kind}`);
  return text;
}

// A whole configuration around the printed part: in the foreground, as whoever runs the test, with all files in `folder`.
function configuration(kind: ReverseProxyKind, folder: string, printed: string): string {
  if (kind === 'nginx') {
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder};`)
      .join(' ');
    return `daemon off; pid ${folder}/pid; error_log stderr;
      events { worker_connections 512; }
      http { access_log off; ${paths}\n${printed} }`;
  }
  return `global\n  maxconn 512\ndefaults\n  mode http\n  timeout connect 5s\n${printed}`;
}

export class ReverseProxy {
  private constructor(
    readonly port: number,
    private readonly program: Program,
  ) {}

  static async start(s: Scenario, kind: ReverseProxyKind, pulsePort: number): Promise<ReverseProxy> {
    const command = join(proxyPrograms, kind);
    if (!existsSync(command)) {
      throw new Error(`no ${command}: script/bootstrap gets it, or set PULSE_PROXIES_BIN to the folder that has it`);
    }
    const folder = mkdtempSync(join(tmpdir(), `pulse-${kind}-`));
    const forget = atExit(() => removeFolder(folder));
    const [port] = (await freePorts(1)) as [number];
    const away = join(folder, 'pulse_is_away.http');
    const [, awayText] =
      /^```http\n(.*?)^```$/ms.exec(readFileSync(join(root, 'docs/how-to/stream_events_over_http.md'), 'utf8')) ?? [];
    writeFileSync(away, (awayText ?? '').replaceAll('\n', '\r\n'));
    const printed = printedSettings(kind)
      .replaceAll('127.0.0.1:7857', `127.0.0.1:${pulsePort}`)
      .replaceAll('8080', `${port}`)
      .replaceAll('/etc/haproxy/pulse_is_away.http', away);
    const settings = join(folder, 'settings');
    writeFileSync(settings, configuration(kind, folder, printed));
    const args = kind === 'nginx' ? ['-p', folder, '-e', 'stderr', '-c', settings] : ['-db', '-f', settings];
    const logFile = join(folder, 'log');
    const program = new Program(command, args, {
      logFile,
      // Beside an unpacked program lie its libraries.
      env: { LD_LIBRARY_PATH: proxyPrograms },
      signalOnParentEnd: 'KILL',
    });
    s.atEnd(async () => {
      program.signal('SIGTERM');
      await program.ended;
      removeFolder(folder);
      forget();
    });
    await until(`${kind} to listen`, () => {
      if (!program.running) throw new Error(program.tail());
      return new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1');
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
      });
    });
    return new ReverseProxy(port, program);
  }

  get logTail(): string {
    return this.program.tail();
  }
}

// Certificates for tests, made by the openssl command.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { atExit, removeFolder } from './cleanup.js';

// Files in PEM.
export interface Certificate {
  certificate: string;
  key: string;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

// A certificate authority of a test's own; its files are gone when this process ends.
export class Authority {
  readonly certificate: string;
  private readonly key: string;
  private readonly folder: string;
  private issued = 0;

  constructor(name = 'Authority of a test') {
    const folder = mkdtempSync(join(tmpdir(), 'pulse-certificates-'));
    atExit(() => removeFolder(folder));
    this.folder = folder;
    this.certificate = join(folder, 'ca.crt');
    this.key = join(folder, 'ca.key');
    const subject = ['-days', '2', '-subj', `/CN=${name}`];
    openssl('req', '-x509', ...newKey, ...subject, '-keyout', this.key, '-out', this.certificate);
  }

  // For a server with these names, each as openssl has it: "DNS:localhost", "IP:127.0.0.1".
  issue(...names: string[]): Certificate {
    const file = (ending: string): string => join(this.folder, `issued-${this.issued}.${ending}`);
    this.issued++;
    const made = { certificate: file('crt'), key: file('key') };
    openssl('req', ...newKey, '-subj', '/CN=a server', '-keyout', made.key, '-out', file('csr'));
    writeFileSync(file('ext'), `subjectAltName=${names.join(',')}\n`);
    const signer = ['-CA', this.certificate, '-CAkey', this.key, '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', file('csr'), ...signer, '-extfile', file('ext'), '-out', made.certificate);
    return made;
  }
}

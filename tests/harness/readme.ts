// The README's own lines, for the tests that run them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';

import { root } from './paths.js';

export interface Block {
  language: string;
  text: string;
}

export const readme = readFileSync(join(root, 'README.md'), 'utf8');

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }));
}

// For the reader's own parts: exactly one place has to be there.
export function replaced(text: string, from: string, to: string): string {
  assert.equal(text.split(from).length, 2, `"${from}" once in\n${text}`);
  return text.replace(from, to);
}

// An application of `connecting`, the README's lines that make the client, and of `lines`, as JavaScript. It is below a
// folder whose package knows the demo's client as #prisma/demo.
export function applicationOf(connecting: string, endpoint: string, lines: string): string {
  let client = replaced(connecting, "'@prisma/client'", "'#prisma/demo'");
  client = replaced(client, 'ws://127.0.0.1:7857', endpoint);
  client = replaced(client, 'new PrismaClient()', 'new PrismaClient({ adapter })');
  const adapter = `import { PrismaPg } from '@prisma/adapter-pg';\nconst adapter = new PrismaPg(process.env.DATABASE_URL!);\n`;
  const { outputText } = ts.transpileModule(`${adapter}${client}\n${lines}`, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  return outputText;
}

// The TypeScript of the README and of docs/how-to/write_a_consumer.md, as printed, for the compiler: in each way in which TypeScript finds modules, with each
// published version of the extension.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import ts from 'typescript';

import { root } from '../harness/paths.js';
import { prismaMajor } from './packages.js';

const folder = join(root, `tests/matrix/prisma-${prismaMajor}`);
const requireThere = createRequire(join(folder, 'package.json'));
const versions = ['1.0.2', '1.1.0', '1.1.1', '1.2.0', '1.2.2'];
const pages = ['README.md', 'docs/how-to/write_a_consumer.md'].map((page) => readFileSync(join(root, page), 'utf8'));
const blocks = [...pages.join('').matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code ?? '');
const connecting = blocks.find((code) => code.includes('withPulse')) ?? '';
const reopening = blocks.find((code) => code.includes('for (;;)')) ?? '';

const settings: Record<string, ts.CompilerOptions> = {
  node10: { module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10 },
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
};

// Whether a version can be imported with /node.
function hasNodePath(version: string): boolean {
  const { exports } = requireThere(`./node_modules/pulse-${version}/package.json`) as { exports: object };
  return './node' in exports;
}

// The README's lines for one version, which in the matrix has a name of its own; the client's options are the reader's.
function linesFor(version: string, setting: string): string | undefined {
  if (setting === 'bundler' && !hasNodePath(version)) return undefined;
  const path = setting === 'node10' || !hasNodePath(version) ? `pulse-${version}` : `pulse-${version}/node`;
  const named = connecting.replace('@prisma/extension-pulse/node', path);
  assert.notEqual(named, connecting);
  return prismaMajor === 7
    ? named.replace('new PrismaClient()', 'new PrismaClient({ adapter: undefined as never })')
    : named;
}

const complaints = (files: string[], options: ts.CompilerOptions): string[] => {
  const program = ts.createProgram(files, {
    ...options,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  });
  return ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) =>
        `${file?.fileName.slice(folder.length)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
};

for (const [setting, options] of Object.entries(settings)) {
  test(`the_readme_compiles_with_prisma_${prismaMajor}_and_module_resolution_${setting}`, () => {
    const place = join(folder, `node_modules/.readme-${setting}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), JSON.stringify({ type: setting === 'node10' ? 'commonjs' : 'module' }));
    const files = versions.flatMap((version) => {
      const lines = linesFor(version, setting);
      if (lines === undefined) return [];
      const file = join(place, `v${version}.ts`);
      writeFileSync(file, lines);
      return [file];
    });
    const loop = join(place, 'loop.ts');
    const around = `interface User { created: { email: string } }
      declare const prisma: { user: { stream(options: { name: string; create: object }): Promise<AsyncIterable<User>> } };
      declare function sendWelcome(email: string): Promise<void>;`;
    writeFileSync(loop, `${around}\nasync function work(): Promise<never> {\n${reopening}}\nvoid work;\nexport {};\n`);
    assert.deepEqual(complaints([...files, loop], options), []);
    assert.equal(files.length, setting === 'bundler' ? 2 : versions.length);
  });
}

// The manual page and the completions name the commands and options that the program has: no more and no fewer.
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { atExit, removeFolder } from '../harness/cleanup.js';
import { commandsOf, packed, run } from './files.js';

const unpacked = mkdtempSync(join(tmpdir(), 'pulse-documents-'));
const forget = atExit(() => removeFolder(unpacked));
after(() => {
  removeFolder(unpacked);
  forget();
});
run('dpkg-deb', '--extract', packed(/^pulse_.*\.deb$/), unpacked);
const commands = commandsOf();

test('there_are_commands_to_compare_with', () => {
  assert.ok(commands.length > 15, JSON.stringify(commands));
  assert.ok(commands.find(({ words }) => words.join(' ') === 'streams seek')?.options.includes('--to'));
});

test('the_manual_page_tells_every_command_and_option', () => {
  const page = run('gzip', '-dc', join(unpacked, 'usr/share/man/man1/pulse.1.gz')).replaceAll('\\-', '-');
  const sections = new Map(page.split('\n.SS ').map((section) => [section.split('\n')[0], section]));
  const leaves = commands.filter(({ words, subcommands }) => words.length > 0 && subcommands.length === 0);
  assert.deepEqual(
    [...sections.keys()].slice(1),
    leaves.map(({ words }) => ['pulse', ...words].join(' ')),
  );
  for (const { words, options } of leaves) {
    const section = sections.get(['pulse', ...words].join(' ')) ?? '';
    const told = [...section.matchAll(/^\.B (?:-\w, )?(--[a-z-]+)/gm)].map((match) => match[1]);
    const expected = options.filter((option) => option !== '--help');
    assert.deepEqual(told, expected, words.join(' '));
  }
});

function candidates(shell: 'bash' | 'zsh', words: readonly string[]): string[] {
  const typed = ['pulse', ...words, ''];
  const script =
    shell === 'bash'
      ? `source '${unpacked}/usr/share/bash-completion/completions/pulse'
         COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pulse; printf '%s\\n' "\${COMPREPLY[@]}"`
      : `fpath=('${unpacked}/usr/share/zsh/vendor-completions' $fpath); autoload -U _pulse
         _describe() { print -rl -- \${candidates%%:*} }; words=("$@"); CURRENT=$#; _pulse`;
  const quiet = shell === 'bash' ? ['--norc'] : ['-f'];
  return run(shell, ...quiet, '-c', script, shell, ...typed)
    .trim()
    .split('\n');
}

for (const shell of ['bash', 'zsh'] as const) {
  test(`${shell}_completes_every_command_and_option`, () => {
    for (const { words, subcommands, options } of commands) {
      assert.deepEqual(candidates(shell, words), [...subcommands, ...options], words.join(' '));
    }
  });
}

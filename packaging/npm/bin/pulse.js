#!/usr/bin/env node
// Runs the program that lies beside this file, in the terminal and with the signals of this process.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const cannotRun = 126;
const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];

// By platform: the package that carries its program, what containers call it, and its glibc's loader.
const platforms = {
  'linux-x64': { name: 'pulse-server', container: 'linux/amd64', loader: '/lib64/ld-linux-x86-64.so.2' },
  'linux-arm64': { name: 'pulse-server-arm64', container: 'linux/arm64', loader: '/lib/ld-linux-aarch64.so.1' },
};

const platform = `${process.platform}-${process.arch}`;
const carried = readdirSync(new URL('..', import.meta.url)).find((name) => name in platforms);
if (platform !== carried) {
  const other = platforms[platform];
  console.error(
    `pulse: this package has a program for ${carried} only, and this is ${platform}.\n` +
      (other === undefined ? '' : `The package ${other.name} has one for it. Or else:\n`) +
      `Run it in a container (docker run --platform ${platforms[carried].container}, with the image that is built with\n` +
      'this package), on a Linux machine that this one reaches, or in WSL 2 on Windows; the client runs on any platform.',
  );
  process.exit(cannotRun);
}

if (!existsSync(platforms[platform].loader)) {
  console.error('pulse: this system has no glibc (Alpine has musl): take an image such as node:lts-slim');
  process.exit(cannotRun);
}

const program = fileURLToPath(new URL(`../${platform}/bin/pulse`, import.meta.url));
// When this process is killed, the kernel tells the program to end: so util-linux is asked, which every distribution
// with glibc has.
const setpriv = '/usr/bin/setpriv';
const wrapped = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'TERM', '--', program] : [program];
const child = spawn(wrapped[0], [...wrapped.slice(1), ...process.argv.slice(2)], { stdio: 'inherit' });

for (const signal of passedOn) {
  process.on(signal, () => {
    // Of a terminal's Ctrl-C the program gets its own.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}

child.on('error', (reason) => {
  console.error(`pulse: ${program} cannot be run: ${reason.message}`);
  process.exit(cannotRun);
});
child.on('exit', (code, signal) => {
  process.exit(signal === null ? code : 128 + constants.signals[signal]);
});

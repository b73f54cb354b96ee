#!/usr/bin/env node
// Runs the program that lies beside this file, in the terminal and with the signals of this process.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const cannotRun = 126;
const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];

const platform = `${process.platform}-${process.arch}`;
if (platform !== 'linux-x64') {
  console.error(
    `pulse: this package has a program for linux-x64 only, and this is ${platform}.\n` +
      'Run it in a container (docker run --platform linux/amd64, with the image that is built with this package),\n' +
      'on a Linux machine that this one reaches, or in WSL 2 on Windows; the client runs on any platform.',
  );
  process.exit(cannotRun);
}

const loader = '/lib64/ld-linux-x86-64.so.2';
if (!existsSync(loader)) {
  console.error('pulse: this system has no glibc (Alpine has musl): take an image such as node:lts-slim');
  process.exit(cannotRun);
}

const program = fileURLToPath(new URL('../linux-x64/bin/pulse', import.meta.url));
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

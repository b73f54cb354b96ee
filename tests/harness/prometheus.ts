// A real Prometheus that scrapes servers under test: in a temporary folder, on loopback, gone afterwards.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { atExit, removeFolder } from './cleanup.js';
import { prometheusPrograms } from './paths.js';
import { freePorts, Program } from './process.js';
import type { Scenario } from './scenario.js';
import { until } from './wait.js';

export interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

export interface Rule {
  name: string;
  query: string;
  health: string;
  lastError?: string;
  annotations: Record<string, string>;
  labels: Record<string, string>;
}

export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: 'pending' | 'firing';
}

function pathOf(name: 'prometheus' | 'promtool'): string {
  const program = join(prometheusPrograms, name);
  if (!existsSync(program)) {
    throw new Error(
      `no ${program}: script/bootstrap gets it (and says why when it cannot), or set PULSE_PROMETHEUS_BIN to the folder that has it`,
    );
  }
  return program;
}

// Of these arguments; what it prints. Throws when it fails.
export function promtool(...args: string[]): string {
  return execFileSync(pathOf('promtool'), args, { encoding: 'utf8' });
}

export class Prometheus {
  private constructor(private readonly port: number) {}

  // Scrapes `targets` (HOST:PORT) every few seconds as the job "pulse", and evaluates the file's rules each second.
  static async start(s: Scenario, targets: string[], rules: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'pulse-prometheus-'));
    const forget = atExit(() => removeFolder(folder));
    const config = {
      // A scrape has as long as its interval, and all series end when it takes longer.
      global: { scrape_interval: '3s', scrape_timeout: '3s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'pulse', static_configs: [{ targets }] }],
    };
    // JSON is YAML.
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const [port = 0] = await freePorts(1);
    const program = new Program(
      pathOf('prometheus'),
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { logFile: join(folder, 'log'), cwd: folder, signalOnParentEnd: 'KILL' },
    );
    s.atEnd(async () => {
      await program.endBy('SIGTERM', 15_000);
      removeFolder(folder);
      forget();
    });
    const prometheus = new Prometheus(port);
    await until('Prometheus to be ready', async () => {
      if (!program.running) throw new Error(`Prometheus has ended:\n${program.tail()}`);
      return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
    });
    return prometheus;
  }

  async query(expression: string): Promise<Sample[]> {
    return (await this.api<{ result: Sample[] }>('query', { query: expression })).result;
  }

  async labelValues(label: string, selector: string): Promise<string[]> {
    return this.api<string[]>(`label/${label}/values`, { 'match[]': selector });
  }

  async rules(): Promise<Rule[]> {
    return (await this.api<{ groups: { rules: Rule[] }[] }>('rules', {})).groups.flatMap(({ rules }) => rules);
  }

  async alerts(): Promise<Alert[]> {
    return (await this.api<{ alerts: Alert[] }>('alerts', {})).alerts;
  }

  private async api<T>(path: string, parameters: Record<string, string>): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const body = (await response.json()) as { status: string; error?: string; data: T };
    if (body.status !== 'success') throw new Error(`${body.error}: ${JSON.stringify(parameters)}`);
    return body.data;
  }
}

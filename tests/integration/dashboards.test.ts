// The dashboard and the alerts of packaging/, asked of a real Prometheus that scrapes a server under load: a panel that
// shows nothing, or an alert that can never fire, is found here and not at night.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { root } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import { Prometheus, promtool } from '../harness/prometheus.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const dashboardFile = join(root, 'packaging/grafana/pulse.json');
const alertsFile = join(root, 'packaging/prometheus/alerts.yml');
const alertsTestFile = join(root, 'packaging/prometheus/alerts_test.yml');
const event = defineModel('Event', 'events', { id: 'Int' });
const wrongKeys = 25;
// Of the server under test; Grafana chooses it by the width of the screen.
const rateInterval = '30s';

interface Panel {
  type: string;
  title: string;
  targets?: { expr: string }[];
}

interface Dashboard {
  panels: Panel[];
  annotations: { list: { expr: string }[] };
  templating: { list: { name: string; type: string; definition?: string }[] };
}

const dashboard = JSON.parse(readFileSync(dashboardFile, 'utf8')) as Dashboard;

// As Grafana does it with "All" chosen.
const filledIn = (expression: string): string =>
  expression.replaceAll('$__rate_interval', rateInterval).replaceAll(/\$(instance|project)\b/g, '.*');

// The series that an alert compares: what has to be there for it to fire one day.
const compared = (expression: string): string[] =>
  expression.split(/ (?:or|and)(?: on \([^)]*\))? /).map((part) => {
    const [, series] = /^(.+?) (?:>|<|==) .+$/.exec(part) ?? /^absent\((.+)\)$/.exec(part) ?? [];
    assert.ok(series !== undefined, `an expression that this test cannot take apart: ${part}`);
    return series;
  });

// Two named streams, one of which acknowledges nothing, an open gap, a consumer with a wrong key.
async function load(s: Scenario): Promise<{ postgres: Postgres; pulse: Pulse }> {
  const postgres = await s.postgres({ settings: { max_slot_wal_keep_size: '1GB' } });
  await postgres.sql('CREATE TABLE events (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl(), env: { PULSE_FAILED_KEYS: '1000' } });
  await pulse.terminate();
  await until('the slot to be free', async () => {
    await postgres.sql("SELECT pg_drop_replication_slot('pulse_default')");
    return true;
  });
  await pulse.start();
  await until('the gap', async () => (await pulse.metric('pulse_gaps_open')) === 1);
  await s.consumer(pulse, { model: event, name: 'reads', keepFrames: false });
  await s.consumer(pulse, { model: event, name: 'lags', ack: 'none', keepFrames: false });
  return { postgres, pulse };
}

async function presentWrongKeys(pulse: Pulse): Promise<void> {
  for (let i = 0; i < wrongKeys; ++i) {
    await assert.rejects(pulse.consume({ model: event, name: 'stranger', apiKey: `wrong-key-${i}` }), Refused);
  }
}

// Until `goal` is reached. The window of the stream that acknowledges nothing is full on the way.
async function insertUntil(postgres: Postgres, goal: () => Promise<boolean>): Promise<void> {
  let next = 1;
  await until(
    'the goal, with a thousand rows before each look',
    async () => {
      await postgres.sql(`INSERT INTO events SELECT generate_series(${next}, ${(next += 1000) - 1})`);
      return goal();
    },
    { everyMs: 300, timeoutMs: 60_000 },
  );
}

scenario(
  'every_panel_shows_something_and_every_alert_can_fire_on_a_loaded_server',
  async (s) => {
    const { postgres, pulse } = await load(s);
    const prometheus = await Prometheus.start(s, [`127.0.0.1:${pulse.adminPort}`], alertsFile);
    await until(
      'a scrape before the keys',
      async () => (await prometheus.query('pulse_keys_refused_total')).length === 1,
    );
    await presentWrongKeys(pulse);
    await insertUntil(postgres, async () => {
      const stalled = await prometheus.query('pulse_streams_stalled == 1');
      const rates = await prometheus.query(`rate(pulse_events_acknowledged_total[${rateInterval}]) > 0`);
      return stalled.length === 1 && rates.length === 1;
    });

    // Asked again where the answer is nothing: on a busy machine a scrape may be too late.
    const shows = (expression: string): Promise<boolean> =>
      prometheus.query(expression).then((samples) => samples.length > 0);

    const panels = dashboard.panels.filter(({ type }) => type !== 'row');
    assert.ok(panels.length > 20);
    for (const { title, targets = [] } of panels) {
      assert.notEqual(targets.length, 0, `the panel "${title}" has no query`);
      for (const { expr } of targets) {
        await until(`the panel "${title}" to show something: ${expr}`, () => shows(filledIn(expr)));
      }
    }
    for (const { expr } of dashboard.annotations.list) await prometheus.query(filledIn(expr));
    for (const { type, definition = '' } of dashboard.templating.list) {
      if (type === 'datasource') continue;
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
      assert.notEqual((await prometheus.labelValues(label, filledIn(selector))).length, 0, definition);
    }

    const rules = await until('all rules to be evaluated', async () => {
      const all = await prometheus.rules();
      return all.every(({ health }) => health !== 'unknown') && all;
    });
    assert.ok(rules.length > 20);
    for (const { name, query, health, lastError } of rules) {
      assert.equal(health, 'ok', `${name}: ${lastError}`);
      for (const series of compared(query)) {
        await until(`${name} to compare something: ${series}`, () => shows(series));
      }
    }

    // What is bad here, and nothing else; "pending" waits for its time. The disk is this machine's, which may be full.
    const wanted = { PulseGapOpen: 'firing', PulseKeysRefused: 'firing', PulseStreamsRefused: 'firing' };
    await until('these alerts and no others', async () => {
      const alerts = (await prometheus.alerts()).filter(({ labels }) => labels['alertname'] !== 'PulseDiskNearlyFull');
      const { PulseStreamStalled: stalled, ...now } = Object.fromEntries(
        alerts.map(({ labels, state }) => [labels['alertname'], state]),
      );
      assert.deepEqual(now, wanted);
      return stalled;
    });
    for (const { annotations } of await prometheus.alerts()) {
      assert.doesNotMatch(Object.values(annotations).join('\n'), /error|<no value>/i);
    }
  },
  { from: 13, timeoutMs: 180_000 },
);

test('promtool_accepts_the_alerts_and_each_fires_for_what_it_is_for', () => {
  promtool('check', 'rules', alertsFile);
  promtool('test', 'rules', alertsTestFile);
  const names = [...readFileSync(alertsFile, 'utf8').matchAll(/^ +- alert: (\w+)$/gm)].map(([, name]) => name);
  const tested = [...readFileSync(alertsTestFile, 'utf8').matchAll(/\{alertname="(\w+)"/g)].map(([, name]) => name);
  assert.deepEqual([...new Set(tested)], names, 'each alert has a test, in the same order');
});

// Every filter takes the rows that Prisma's own findMany takes: each operator on each type, and random combinations, on
// random rows with NULLs, extremes and letters that case treats badly; when rows are inserted, when they are updated
// (`after`, `before`), and when they are deleted. What Prisma cannot be asked is left out where it would be made, with the
// reason: wildcards in LIKE (filters/wire.ts), doubles of 17 digits (filters/samples.ts), some Json (filters/random_filter.ts).
//
// PULSE_TEST_SEED repeats a run. PULSE_TEST_FILTERS sets how many random filters are judged in each database, besides one
// for every operator of every field.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { root } from '../harness/paths.js';
import { pushSchema } from '../harness/prisma.js';
import { Random } from '../harness/random.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { documentedOperatorsOf } from './filters/documented.js';
import { type Change, Judges, type Kind, kinds, officialClient } from './filters/judges.js';
import { connectSpecimens } from './filters/prisma.js';
import { type Filter, operatorsOf, RandomFilters } from './filters/random_filter.js';
import { fields, RandomRows, specimenSql } from './filters/specimen.js';
import { Tally } from './filters/tally.js';
import { asSent, columnsOf, partsOf, shown } from './filters/wire.js';

const rowsOfABatch = 40;
const filtersOfABatch = 200;
// Differences that are made small and reported.
const reportsMax = 20;
const randomFilters = Number(process.env.PULSE_TEST_FILTERS ?? 400);

async function open(s: Scenario, locale: string): Promise<Judges> {
  const postgres = await s.postgres();
  await postgres.sql(`CREATE DATABASE specimens TEMPLATE template0 ${locale}`);
  await postgres.sql('CREATE EXTENSION citext', 'specimens');
  await pushSchema(postgres, 'tests/oracle/filters', 'specimens');
  await postgres.sql(specimenSql, 'specimens');
  const pulse = await s.pulse({
    database: postgres.socketUrl('specimens'),
    // Nothing is acknowledged: a batch fits into a window.
    env: { PULSE_PRISMA_SCHEMA: join(root, 'tests/oracle/filters/schema.prisma') },
  });
  const judges = await Judges.open(postgres, 'specimens', pulse);
  s.atEnd(() => judges.close());
  return judges;
}

function changes(rows: RandomRows, count: number): Change[] {
  return Array.from({ length: count }, (_value, at) => {
    const before = rows.row(at + 1);
    return { before, after: rows.changed(before) };
  });
}

interface Mismatch {
  filter: Filter;
  kind: Kind | 'opening';
  pulse: string;
  prisma: string;
  change?: Change;
}

function compare(
  filters: readonly Filter[],
  of: readonly Change[],
  verdicts: Awaited<ReturnType<Judges['judge']>>,
  tally: Tally,
): Mismatch[] {
  const mismatches: Mismatch[] = [];
  for (const [at, { pulse, prisma }] of verdicts.entries()) {
    const filter = filters[at] as Filter;
    // Filters are made so that Prisma answers each.
    if ('refused' in pulse || 'refused' in prisma) {
      mismatches.push({
        filter,
        kind: 'opening',
        pulse: 'refused' in pulse ? pulse.refused : 'opens the stream',
        prisma: 'refused' in prisma ? prisma.refused : 'answers',
      });
      continue;
    }
    for (const kind of kinds) {
      const [mine, theirs] = [pulse.taken[kind], prisma.taken[kind]];
      if (mine === undefined || theirs === undefined) continue;
      for (const change of of) {
        const [delivered, found] = [mine.has(change.before.id), theirs.has(change.before.id)];
        tally.add(filter, found);
        if (delivered !== found) {
          mismatches.push({
            filter,
            kind,
            pulse: delivered ? 'delivers' : 'passes over',
            prisma: found ? 'finds' : 'does not find',
            change,
          });
        }
      }
    }
  }
  return mismatches;
}

// The smallest part of the filter on which the judges differ too, on the same row.
async function shrink(mismatch: Mismatch, judges: Judges): Promise<Mismatch> {
  const { filter, change } = mismatch;
  const parts = partsOf(filter).sort((one, other) => shown(one).length - shown(other).length);
  if (parts.length === 0) return mismatch;
  const of = change === undefined ? [] : [change];
  // Twice, so that every part judges both rows of an update.
  const twice = parts.flatMap((part) => [part, part]);
  const [worst] = compare(twice, of, await judges.judge(twice, of), new Tally());
  return worst ?? mismatch;
}

function report(locale: string, whole: Mismatch, { filter, kind, pulse, prisma, change }: Mismatch): string {
  const values = (row: Change['before'] | undefined): string => shown(row === undefined ? {} : columnsOf(filter, row));
  return [
    `${locale}: ${kind}: Pulse ${pulse}, Prisma ${prisma}`,
    `  minimal ${shown(filter)}`,
    `  sent    ${JSON.stringify(asSent(filter))}`,
    `  row     ${values(change?.before)}`,
    `  then    ${values(change?.after)}`,
    `  in      ${shown(whole.filter)}`,
  ].join('\n');
}

async function agree(s: Scenario, locale: string): Promise<void> {
  s.note(`seed: PULSE_TEST_SEED=${s.random.seed}`);
  const judges = await open(s, locale);
  const make = new RandomFilters(s.random);
  const rows = new RandomRows(new Random(s.random.between(0, 2 ** 31)));
  const all = [...make.everyOperator(), ...Array.from({ length: randomFilters }, () => make.filter())];
  const tally = new Tally();
  const reports: string[] = [];
  for (let from = 0; from < all.length; from += filtersOfABatch) {
    const filters = all.slice(from, from + filtersOfABatch);
    const of = changes(rows, rowsOfABatch);
    const seen = new Set<Filter>();
    for (const mismatch of compare(filters, of, await judges.judge(filters, of), tally)) {
      if (reports.length === reportsMax) break;
      if (seen.has(mismatch.filter)) continue;
      seen.add(mismatch.filter);
      reports.push(report(locale, mismatch, await shrink(mismatch, judges)));
    }
  }
  assert.ok(tally.pairs > 20_000);
  s.note(`${all.length} filters, ${judges.throughClient} of them through the official client; ${String(tally)}`);
  assert.equal(reports.length, 0, `${reports.length} filters judged otherwise:\n${reports.join('\n')}`);
}

// Answers every upgrade with a refusal, and keeps the filter that came with it.
async function headerKeeper(s: Scenario): Promise<{ url: string; last: () => unknown }> {
  let last: unknown;
  const server = createServer().on('upgrade', ({ headers }, socket) => {
    last = (JSON.parse(String(headers.subscription)) as { where: unknown }).where;
    const body = JSON.stringify({ code: 'P6100', message: 'no' });
    socket.end(`HTTP/1.1 500 no\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  s.atEnd(() => void server.close());
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, last: () => last };
}

scenario('the_official_client_writes_filters_as_they_are_sent_here', async (s) => {
  s.note(`seed: PULSE_TEST_SEED=${s.random.seed}`);
  const keeper = await headerKeeper(s);
  const stream = officialClient(connectSpecimens('postgresql://127.0.0.1:9/none'), 'any', keeper.url);
  const make = new RandomFilters(s.random);
  let [written, unsayable] = [0, 0];
  for (const filter of [...make.everyOperator(), ...Array.from({ length: 200 }, () => make.filter())]) {
    const where = { create: filter, delete: filter, update: { after: filter } };
    const reason = await stream({ name: 'n', ...where }).then(
      () => undefined,
      (error: { code?: string; message: string }) => error,
    );
    if (reason?.code === 'P6100') {
      // It copies an empty list as if it were an object, which says as little.
      const sent = JSON.parse(JSON.stringify(asSent(filter)).replaceAll('"NOT":[]', '"NOT":{}')) as Filter;
      assert.deepEqual(keeper.last(), { name: 'n', create: sent, delete: sent, update: { after: sent } });
      written++;
    } else {
      // It throws by itself on these.
      const text = shown(filter);
      assert.match(text, /[^\x20-\x7e\x80-\xff]|null|isEmpty|"NOT":\[|"AND":\{|:\{\}/, `${reason?.message}: ${text}`);
      unsayable++;
    }
  }
  s.note(`${written} filters written by the official client, ${unsayable} that it cannot write`);
  assert.ok(written > unsayable);
});

test('every_operator_that_is_documented_for_a_field_is_among_the_random_filters', () => {
  for (const field of fields) {
    const documented = documentedOperatorsOf(field);
    assert.notEqual(documented.length, 0, `no documented operators of the field ${field.name}`);
    assert.deepEqual([...operatorsOf(field)].sort(), documented.sort(), `operators of the field ${field.name}`);
  }
});

const options = { timeoutMs: 1_200_000 };

scenario('filters_agree_with_find_many_in_a_database_of_collation_C', (s) => agree(s, "LOCALE 'C'"), options);
scenario(
  'filters_agree_with_find_many_in_a_database_of_collation_C_UTF_8',
  (s) => agree(s, "LOCALE 'C.UTF-8'"),
  options,
);
scenario(
  'filters_agree_with_find_many_in_a_database_of_an_icu_collation',
  (s) => agree(s, "LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' LOCALE 'C.UTF-8'"),
  options,
);

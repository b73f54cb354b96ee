// All published versions of the extension that are in use, as ES modules and as CommonJS, for Node.js and for Workers, on
// one version of Prisma.
import assert from 'node:assert/strict';

import { RandomRows } from '../client/random_rows.js';
import { scenario } from '../harness/scenario.js';
import { begin, setUpCell } from './cell.js';
import { extensionVersions, modulesToTest, prismaMajor } from './packages.js';
import * as steps from './steps.js';
import { workersRuntime } from './workers_runtime.js';

for (const version of extensionVersions) {
  for (const modules of modulesToTest(version, 'node')) {
    scenario(`extension_${version}_as_${modules}_on_prisma_${prismaMajor}_works_unmodified`, async (s) => {
      const cell = await setUpCell(s, version, modules);
      await steps.subscriptionsGetWhatTheyAskFor(cell);
      await steps.modelsOfAnotherSchemaHaveTheirNames(cell);
      await steps.aCutSubscriptionGoesOn(cell);
      if (cell.behaviour.hasStreams) {
        await steps.namedStreamsResume(cell);
        await steps.aCutNamedStreamMissesNothing(cell);
      }
      await steps.everyScalarTypeIsWhatPrismaReads(cell, new RandomRows(s.random, cell.packages.Prisma));
      await steps.aWrongKeyIsP6102(cell);
    });
  }
}

for (const version of extensionVersions) {
  for (const modules of modulesToTest(version, 'workers')) {
    scenario(`workers_build_of_${version}_as_${modules}_on_prisma_${prismaMajor}_works_unmodified`, async (s) => {
      const cell = await setUpCell(s, version, modules, { build: 'workers' });
      await steps.subscriptionsGetWhatTheyAskFor(cell);
      await steps.everyScalarTypeIsWhatPrismaReads(cell, new RandomRows(s.random, cell.packages.Prisma));
      if (cell.behaviour.hasStreams) await steps.namedStreamsResume(cell);
      // The Workers builds before 1.2.0 do not find their new connection after a cut.
      if (cell.behaviour.goesOnAfterACut) {
        await steps.aCutSubscriptionGoesOn(cell);
        await steps.aCutNamedStreamMissesNothing(cell);
        await steps.largeEventsAreWhole(cell);
        assert.ok(workersRuntime.compressedMessages > 0, 'compressed');
      }
      for (const headers of workersRuntime.requests) {
        assert.equal(headers['sec-websocket-protocol'], '');
        assert.equal(headers['sec-websocket-extensions'], 'permessage-deflate');
      }
    });
  }
}

// A table of the same name and columns in another schema, and an enum whose label is not what the application calls it.
const twin = 'CREATE TABLE public.invoices (LIKE billing.invoices INCLUDING ALL)';
const intoBoth = `
  INSERT INTO public.invoices VALUES (1, 'public', NULL, false);
  INSERT INTO billing.invoices VALUES (1, 'billing', NULL, false)`;
// Only the header of Prisma 7 names the schema.
const namesSchema = prismaMajor >= 7;

for (const knowsSchema of [true, false]) {
  const name = knowsSchema
    ? `prisma_${prismaMajor}_gets_schema_and_labels_from_the_projects_prisma_schema`
    : `prisma_${prismaMajor}_without_prisma_schema_gets_${namesSchema ? 'its_schema' : 'public'}_and_the_labels_of_the_database`;
  scenario(name, async (s) => {
    const cell = await setUpCell(s, '1.2.2', 'esm', { sql: twin, knowsSchema });
    const invoices = await begin(cell.prisma.invoice.stream());
    await cell.postgres.sql(intoBoth);
    const [invoice] = await invoices.take(1);
    assert.equal(invoice?.created?.['number'], knowsSchema || namesSchema ? 'billing' : 'public');
    await invoices.stop();

    const label = knowsSchema ? 'GOLD' : 'gold_rank';
    const rows = new RandomRows(s.random, cell.packages.Prisma);
    const gold = await begin(cell.prisma.everything.stream({ create: { rank: label as 'GOLD' } }));
    await cell.app.everything.create({ data: { ...rows.row(), rank: 'BASIC' } });
    await cell.app.everything.create({
      data: { ...rows.row(), rank: 'GOLD', rankOpt: 'GOLD', ranks: ['GOLD', 'BASIC'] },
    });
    const { created = {} } = await gold.next();
    const { rank, rankOpt, ranks } = created;
    assert.deepEqual({ rank, rankOpt, ranks }, { rank: label, rankOpt: label, ranks: [label, 'BASIC'] });
    await gold.stop();
  });
}

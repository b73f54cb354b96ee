// Names that SQL takes when they are quoted, where a replication command has a grammar of its own.
import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';

const item = defineModel('Item', 'items', { id: 'Int' });

scenario('a_publication_of_any_name_is_streamed_from', async (s) => {
  const postgres = await s.postgres();
  const names = ['back\\slash', `it's`, 'a "b", c', '\\ünï'];
  await postgres.sql('CREATE TABLE items (id int PRIMARY KEY)');
  for (const [number, name] of names.entries()) {
    await postgres.createDatabase(`d${number}`);
    await postgres.sql(
      `CREATE TABLE items (id int PRIMARY KEY); CREATE PUBLICATION "${name.replaceAll('"', '""')}" FOR TABLE items`,
      `d${number}`,
    );
  }
  for (const [number, name] of names.entries()) {
    const pulse = await s.pulse({ database: postgres.socketUrl(`d${number}`), args: ['--publication', name] });
    const consumer = await s.consumer(pulse, { model: item, name: 'reader' });
    await postgres.sql('INSERT INTO items VALUES (1)', `d${number}`);
    await consumer.untilReceived(1);
  }
});

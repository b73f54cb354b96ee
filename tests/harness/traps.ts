// Functions, operators, types and views of somebody else's, in a schema of his, that any SQL of Pulse's would come upon
// if names were looked up there. Which ones is taken from the SQL itself, so that new SQL is covered.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './paths.js';
import type { Postgres } from './postgres.js';

// What a trap says when it is run: PostgreSQL logs it.
export const trapped = 'TRAPPED';

// Everything between quotes in the sources that talk to the database, whether or not it is SQL: too much does no harm.
function literals(): string {
  const texts: string[] = [];
  for (const folder of ['src/source', 'src/capture', 'src/app', 'src/commands']) {
    for (const name of readdirSync(join(root, folder))) {
      if (!name.endsWith('.cpp') && !name.endsWith('.hpp')) continue;
      const text = readFileSync(join(root, folder, name), 'utf8').replaceAll(/^\s*(\/\/|#).*$/gm, '');
      for (const match of text.matchAll(/R"\w*\(([\s\S]*?)\)\w*"|"((?:[^"\\\n]|\\.)*)"/g))
        texts.push(match[1] ?? match[2] ?? '');
    }
  }
  return texts.join('\n');
}

// Types whose combinations are tried: a trap for just these is preferred to PostgreSQL's own of more general ones.
const types = [
  'text',
  'name',
  'oid',
  'int2',
  'int4',
  'int8',
  'bool',
  '"char"',
  'regclass',
  'pg_lsn',
  'xid',
  'text[]',
  'oid[]',
  'int2[]',
  'jsonb',
];

// Makes the schema, and in it all traps. `schema` is to be found before or behind pg_catalog by the settings of the test.
export async function setTraps(postgres: Postgres, schema: string): Promise<{ functions: number; operators: number }> {
  const text = literals();
  const words = [...new Set(text.match(/[a-z_][a-z0-9_]+/g))];
  const symbols = [...new Set(text.match(/[-+*/<>=~!@#%^&|`?]+/g))];
  const list = (all: string[]): string => `ARRAY[${all.map((one) => `'${one.replaceAll("'", "''")}'`).join(', ')}]`;
  const say = (what: string): string => `BEGIN RAISE EXCEPTION '${trapped} % as %', ${what}, current_user; END`;
  await postgres.sql(`
    -- What is set here must not fall into what has been set already.
    SET search_path = pg_catalog;
    CREATE SCHEMA ${schema};
    CREATE FUNCTION ${schema}.trap(what text) RETURNS bool LANGUAGE plpgsql AS $$${say('what')}$$;
    CREATE UNLOGGED TABLE ${schema}.set (kind text, name text);
    DO $do$
    DECLARE
      one record;
      types text[] := ${list(types)};
      body text := $$${say('TG_ARGV')}$$;
      made int;
    BEGIN
      -- The same arguments as PostgreSQL's own.
      FOR one IN
        SELECT p.proname, p.prorettype::regtype AS gives,
               (SELECT string_agg(format_type(a, NULL), ',' ORDER BY nr) FROM unnest(p.proargtypes) WITH ORDINALITY x (a, nr)) AS arguments
        FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a') AND p.proname = ANY (${list(words)})
      LOOP
        BEGIN
          EXECUTE format('CREATE FUNCTION ${schema}.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', one.proname,
                         one.arguments,
                         one.gives, replace(body, 'TG_ARGV', quote_literal(one.proname)));
          INSERT INTO ${schema}.set VALUES ('function', one.proname);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
      -- Arguments that fit better than PostgreSQL's own, as one who has read the SQL would choose them.
      FOR one IN
        SELECT DISTINCT p.proname, a AS first, b AS second
        FROM pg_proc p CROSS JOIN unnest(types) a CROSS JOIN unnest(types || ''::text) b
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a') AND p.proname = ANY (${list(words)})
          AND (p.pronargs >= CASE WHEN b = '' THEN 1 ELSE 2 END OR p.provariadic <> 0)
          AND length(p.proname) > 3
      LOOP
        BEGIN
          EXECUTE format('CREATE FUNCTION ${schema}.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', one.proname,
                         one.first || CASE WHEN one.second = '' THEN '' ELSE ',' || one.second END, 'text',
                         replace(body, 'TG_ARGV', quote_literal(one.proname)));
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
      FOR one IN
        SELECT DISTINCT o.oprname, a AS first, b AS second,
               COALESCE((SELECT r.oprresult FROM pg_operator r
                         WHERE r.oprname = o.oprname AND r.oprnamespace = 'pg_catalog'::regnamespace
                           AND r.oprleft = a::regtype AND r.oprright = b::regtype), min(o.oprresult))::regtype AS gives
        FROM pg_operator o CROSS JOIN unnest(types) a CROSS JOIN unnest(types) b
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname = ANY (${list(symbols)})
        GROUP BY 1, 2, 3
      LOOP
        BEGIN
          EXECUTE format('CREATE FUNCTION ${schema}.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L',
                         'operator ' || one.oprname, one.first, one.second, one.gives,
                         replace(body, 'TG_ARGV', quote_literal(one.oprname)));
          EXECUTE format('CREATE OPERATOR ${schema}.%s (FUNCTION = ${schema}.%I, LEFTARG = %s, RIGHTARG = %s)',
                         one.oprname, 'operator ' || one.oprname, one.first, one.second);
          INSERT INTO ${schema}.set VALUES ('operator', one.oprname);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
      FOR one IN
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname = ANY (${list(words)})
      LOOP
        BEGIN
          EXECUTE format('CREATE VIEW ${schema}.%1$I AS SELECT * FROM pg_catalog.%1$I WHERE ${schema}.trap(%1$L)', one.relname);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
      FOR one IN
        SELECT t.typname FROM pg_type t
        WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typname = ANY (${list(words)})
      LOOP
        BEGIN
          EXECUTE format('CREATE DOMAIN ${schema}.%1$I AS pg_catalog.%1$I CHECK (${schema}.trap(%1$L))', one.typname);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
    END
    $do$;
    GRANT USAGE ON SCHEMA ${schema} TO PUBLIC;
    GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO PUBLIC`);
  const { rows } = await postgres.sql(`
    SELECT (pg_catalog.count(DISTINCT name) FILTER (WHERE kind OPERATOR(pg_catalog.=) 'function'))::int AS functions,
           (pg_catalog.count(DISTINCT name) FILTER (WHERE kind OPERATOR(pg_catalog.=) 'operator'))::int AS operators
    FROM ${schema}.set`);
  return rows[0] as { functions: number; operators: number };
}

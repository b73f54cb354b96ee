// The operators that docs/filters.md has for a field; a unit test holds that table to the code.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../../harness/paths.js';
import type { Family, Field } from './specimen.js';

const ordered = 'numbers, dates, times, uuid';
const unordered = 'bytea, enums, types that Prisma does not have';
const rowOf: Record<Family, string> = {
  int: ordered,
  bigint: ordered,
  float: ordered,
  decimal: ordered,
  datetime: ordered,
  uuid: ordered,
  text: 'text',
  caseless: 'text',
  xml: 'xml',
  boolean: 'boolean',
  bytes: unordered,
  enum: unordered,
  json: 'json, jsonb',
};
// They stand beside an operator, and say nothing alone.
const options = ['mode', 'path'];

const rows = new Map(
  [...readFileSync(join(root, 'docs/filters.md'), 'utf8').matchAll(/^\| ([^|]+) \| `([\w ]+)` \|$/gm)].map(
    ([, types = '', names = '']) => [types, names.split(' ')],
  ),
);

export function documentedOperatorsOf(field: Field): string[] {
  const names = rows.get(field.isList ? 'lists' : rowOf[field.family]) ?? [];
  return names.filter((name) => !options.includes(name));
}

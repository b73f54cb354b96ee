// A filter on its way to Pulse and on its way to Prisma.
import type { Filter } from './random_filter.js';
import { type Field, fields, type Row } from './specimen.js';

const combinators = ['AND', 'OR', 'NOT'];

const id: Field = { name: 'id', column: 'id', family: 'int', isList: false, optional: false, samples: [] };

export function fieldOf(name: string): Field {
  const field = name === 'id' ? id : fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  return field;
}

function mapFilter(filter: Filter, condition: (field: Field, value: unknown) => unknown): Filter {
  const inside = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(inside) : mapFilter(value as Filter, condition);
  return Object.fromEntries(
    Object.entries(filter).map(([name, value]) => [
      name,
      combinators.includes(name) ? inside(value) : condition(fieldOf(name), value),
    ]),
  );
}

export function isOperators(value: unknown): value is Filter {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype // not a Date, a Decimal, an array
  );
}

const tags: Partial<Record<Field['family'], string>> = {
  bigint: 'BigInt',
  decimal: 'Decimal',
  datetime: 'DateTime',
  bytes: 'Bytes',
};

function tagged(tag: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => tagged(tag, one));
  if (value === null || typeof value === 'boolean') return value;
  if (isOperators(value))
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, tagged(tag, one)]));
  if (value instanceof Date) return { $type: tag, value: value.toISOString() };
  if (value instanceof Uint8Array) return { $type: tag, value: Buffer.from(value).toString('base64') };
  if (typeof value === 'bigint') return { $type: tag, value: String(value) };
  return { $type: tag, value: (value as { toFixed: () => string }).toFixed() };
}

// As the official client writes it into its header, and where that client throws (null in a tagged field, isEmpty, NOT of
// a list), as it would write it.
export function asSent(filter: Filter): Filter {
  return mapFilter(filter, ({ family }, value) => {
    if (family === 'json') return { $type: 'Json', value: JSON.stringify(value) };
    const tag = tags[family];
    return tag === undefined ? value : tagged(tag, value);
  });
}

const asPattern = (text: unknown): unknown => (typeof text === 'string' ? text.replace(/[\\%_]/g, '\\$&') : text);

// Prisma puts what is contained, started or ended with, and what equals without regard to case, into LIKE patterns as it
// is, so that % and _ match anything and a backslash hides what follows. Pulse matches literally: Prisma is asked for the
// same by patterns that mean themselves.
export function asLiteral(filter: Filter): Filter {
  return mapFilter(filter, (_field, value) => {
    const walk = (operators: Filter, insensitive: boolean): Filter =>
      Object.fromEntries(
        Object.entries(operators).map(([name, one]) => {
          if (/^(contains|startsWith|endsWith|string_.*)$/.test(name)) return [name, asPattern(one)];
          if (name === 'not' && isOperators(one) && _field.family !== 'json') return [name, walk(one, insensitive)];
          if (insensitive && _field.family !== 'json' && (name === 'equals' || name === 'not'))
            return [name, asPattern(one)];
          return [name, one];
        }),
      );
    return isOperators(value) ? walk(value, value.mode === 'insensitive') : value;
  });
}

// Every part of a filter that is a filter by itself, single operators last.
export function partsOf(filter: Filter): Filter[] {
  const parts: Filter[] = [];
  for (const [name, value] of Object.entries(filter)) {
    if (combinators.includes(name)) {
      for (const one of Array.isArray(value) ? (value as Filter[]) : [value as Filter]) {
        if (name === 'NOT') parts.push({ NOT: one });
        parts.push(one, ...partsOf(one));
      }
      continue;
    }
    parts.push({ [name]: value });
    if (!isOperators(value)) continue;
    const { path, mode, ...operators } = value;
    const shared = { ...(path === undefined ? {} : { path }), ...(mode === undefined ? {} : { mode }) };
    for (const [operator, one] of Object.entries(operators)) parts.push({ [name]: { [operator]: one, ...shared } });
  }
  return parts;
}

// With bigints, bytes and decimals spelled out.
export const shown = (value: unknown): string =>
  JSON.stringify(value, (_name, one: unknown) =>
    typeof one === 'bigint' ? `${one}n` : one instanceof Uint8Array ? `bytes ${Buffer.from(one).toString('hex')}` : one,
  );

// What a row has in the fields that a filter names.
export function columnsOf(filter: Filter, { id, cells }: Row): Record<string, unknown> {
  const names = (part: Filter): string[] =>
    Object.entries(part).flatMap(([name, value]) => {
      if (!combinators.includes(name)) return [name];
      return Array.isArray(value) ? (value as Filter[]).flatMap(names) : names(value as Filter);
    });
  return { ...Object.fromEntries(names(filter).map((name) => [name, cells[fieldOf(name).column]])), id };
}

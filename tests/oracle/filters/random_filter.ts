// Filters as an application writes them: one for every operator of every field, and random combinations.
import type { Random } from '../../harness/random.js';
import { prismaMajor } from './prisma.js';
import { type Family, type Field, fields } from './specimen.js';

export type Filter = Record<string, unknown>;

const ordered = ['equals', 'in', 'notIn', 'lt', 'lte', 'gt', 'gte', 'not'];
const unordered = ['equals', 'in', 'notIn', 'not'];
const parts = ['contains', 'startsWith', 'endsWith'];

const scalarOperators: Record<Exclude<Family, 'json'>, readonly string[]> = {
  int: ordered,
  bigint: ordered,
  float: ordered,
  decimal: ordered,
  datetime: ordered,
  uuid: ordered,
  text: [...ordered, ...parts],
  caseless: [...ordered, ...parts],
  xml: parts,
  boolean: ['equals', 'not'],
  bytes: unordered,
  enum: unordered,
};
const listOperators = ['equals', 'has', 'hasEvery', 'hasSome', 'isEmpty'];
const jsonOrder = ['lt', 'lte', 'gt', 'gte'];
const jsonStrings = ['string_contains', 'string_starts_with', 'string_ends_with'];
const jsonArrays = ['array_contains', 'array_starts_with', 'array_ends_with'];
const jsonOperators = ['equals', 'not', ...jsonOrder, ...jsonStrings, ...jsonArrays];
// Of the whole value Prisma's SQL has only these on a json column (not jsonb); and its string operators see JSON's quotes.
const wholeJsonOperators = ['equals', 'not'];

export const operatorsOf = (field: Field): readonly string[] =>
  field.isList ? listOperators : field.family === 'json' ? jsonOperators : scalarOperators[field.family];

// A value in an operator's place means equality; xml has none in PostgreSQL.
const takesValues = (field: Field): boolean => !field.isList && field.family !== 'json' && field.family !== 'xml';

export class RandomFilters {
  constructor(private readonly random: Random) {}

  // Every operator of every field, alone, inside `not`, and by insensitive mode.
  everyOperator(): Filter[] {
    const all: Filter[] = [];
    for (const field of fields) {
      if (takesValues(field)) all.push({ [field.name]: this.value(field) });
      for (const operator of operatorsOf(field)) {
        all.push({ [field.name]: this.operation(field, operator) });
        if (field.isList || field.family === 'json') {
          all.push({ NOT: { [field.name]: this.operation(field, operator) } });
          continue;
        }
        if (operator !== 'not') all.push({ [field.name]: { not: this.operation(field, operator) } });
        if (field.family === 'text')
          all.push({ [field.name]: { ...this.operation(field, operator), mode: 'insensitive' } });
      }
      if (field.optional && field.family !== 'json') {
        all.push(field.isList ? { [field.name]: { equals: null } } : { [field.name]: null });
        if (!field.isList) all.push({ [field.name]: { not: null } });
      }
    }
    return all;
  }

  filter(depth = 3): Filter {
    const { random } = this;
    if (depth === 0 || random.chance(0.25)) return this.conditions();
    const inner = (): Filter => (random.chance(0.03) ? this.nothing() : this.filter(depth - 1));
    const several = (): Filter[] => Array.from({ length: random.between(1, 3) }, inner);
    switch (random.between(0, 6)) {
      case 0:
        return { AND: several() };
      case 1:
      case 2:
        return { OR: several() };
      case 3:
        return { NOT: inner() };
      case 4:
        return { NOT: several() };
      case 5:
        return { AND: inner() };
      default:
        return { ...this.conditions(), OR: several(), NOT: inner() };
    }
  }

  // What says nothing, in the ways in which that can be said.
  private nothing(): Filter {
    return this.random.pick<Filter>([
      {},
      { AND: [] },
      { OR: [] },
      { NOT: [] },
      { text: {} },
      { OR: [{}] },
      { must: { in: [] } },
    ]);
  }

  private conditions(): Filter {
    const { random } = this;
    const all: Filter = {};
    for (let count = random.pick([1, 1, 1, 2, 3]); count > 0; count--) {
      const field = random.pick(fields);
      all[field.name] = this.condition(field);
    }
    return all;
  }

  private condition(field: Field): unknown {
    const { random } = this;
    if (field.isList) {
      if (random.chance(0.05)) return { equals: null };
      return this.operation(field, random.pick(listOperators));
    }
    if (field.family === 'json') {
      const one = this.operation(field, random.pick(jsonOperators));
      if (!('path' in one) || random.chance(0.7)) return one;
      // Several operators share a path. Prisma's SQL fails on equality without regard to case.
      const { mode, ...both } = { ...this.operation(field, random.pick(jsonOperators)), ...one };
      return mode === undefined || 'equals' in both || 'not' in both ? both : { ...both, mode };
    }
    if (field.optional && random.chance(0.06)) return random.pick([null, { not: null }, { equals: null }]);
    if (takesValues(field) && random.chance(0.2)) return this.value(field);
    return { ...this.operators(field), ...this.mode(field) };
  }

  private mode(field: Field): Filter {
    if (field.family !== 'text' || this.random.chance(0.5)) return {};
    return { mode: this.random.chance(0.9) ? 'insensitive' : 'default' };
  }

  private operators(field: Field, depth = 2): Filter {
    const { random } = this;
    let all: Filter = {};
    for (let count = random.pick([1, 1, 1, 2]); count > 0; count--) {
      all =
        depth > 0 && random.chance(0.2)
          ? { ...all, not: this.operators(field, depth - 1) }
          : { ...all, ...this.operation(field, random.pick(operatorsOf(field))) };
    }
    return all;
  }

  // An operator with a value that fits it.
  private operation(field: Field, operator: string): Filter {
    const { random } = this;
    if (field.family === 'json' && !field.isList) return this.jsonOperation(field, operator);
    switch (operator) {
      case 'in':
      case 'notIn':
        return { [operator]: random.list(5, () => this.value(field)) };
      case 'hasEvery':
        return { [operator]: random.list(2, () => this.value(field)) };
      case 'hasSome':
        return { [operator]: random.list(3, () => this.value(field)) };
      case 'equals':
        return { equals: field.isList ? random.list(2, () => this.element(field)) : this.value(field) };
      case 'isEmpty':
        return { isEmpty: random.chance(0.5) };
      case 'contains':
      case 'startsWith':
      case 'endsWith':
        return { [operator]: this.part(String(this.value(field))) };
      default:
        return { [operator]: this.value(field) };
    }
  }

  private jsonOperation(field: Field, operator: string): Filter {
    const { random } = this;
    const whole = random.chance(wholeJsonOperators.includes(operator) ? 0.5 : 0.15);
    const onWhole =
      whole && (wholeJsonOperators.includes(operator) || (field.name === 'json' && !jsonStrings.includes(operator)));
    const path = random.pick([
      ['a'],
      ['a'],
      ['a'],
      ['b'],
      ['a', 'b'],
      ['a', '0'],
      ['0'],
      ['a', '-1'],
      ['a', 'b', '01'],
      ['ä"\\'],
      [''],
    ]);
    const value = jsonOrder.includes(operator)
      ? random.pick<unknown>([0, 1, 1.5, 2, 10, -1, 'a', 'ab', 'b', 'B', 'straße'])
      : jsonStrings.includes(operator)
        ? this.part(random.pick(['ab', 'AB', 'Straße', 'a%b', 'a_b', '\\', 'a', 'b', 'é']))
        : this.value(field);
    const mode = jsonStrings.includes(operator) && random.chance(0.4) ? { mode: 'insensitive' } : {};
    return { ...(onWhole ? {} : { path }), [operator]: value, ...mode };
  }

  // Prisma 7 compares a list of Json as one JSON value, in which a NULL of the list and JSON's null are the same; Prisma 6
  // and Pulse tell them apart (docs/filters.md).
  private element(field: Field): unknown {
    for (;;) {
      const value = this.value(field);
      if (value !== null || prismaMajor !== '7') return value;
    }
  }

  private value(field: Field): unknown {
    const { random } = this;
    if (field.alsoAsked !== undefined && random.chance(0.15)) return random.pick(field.alsoAsked);
    for (;;) {
      const { value } = random.pick(field.samples);
      if (value !== undefined) return value;
    }
  }

  // A piece of the text, perhaps in another case.
  private part(text: string): string {
    const characters = Array.from(text);
    const from = this.random.between(0, characters.length);
    const part = characters.slice(from, this.random.between(from, characters.length)).join('');
    return this.random.pick([part, part, part.toUpperCase(), part.toLowerCase(), text]);
  }
}

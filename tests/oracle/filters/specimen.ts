// Rows whose columns hold every scalar type, with the values that filters stumble over, and the same values as an
// application would write them in a filter.
import { Prisma } from '#prisma/specimens';

import type { Random } from '../../harness/random.js';
import { prismaMajor } from './prisma.js';
import type { Sample } from './samples.js';
import * as samples from './samples.js';

export type Family =
  | 'int'
  | 'bigint'
  | 'float'
  | 'decimal'
  | 'text'
  | 'caseless' // character types on which Prisma's own SQL fails with mode: insensitive
  | 'xml'
  | 'uuid'
  | 'boolean'
  | 'datetime'
  | 'json'
  | 'bytes'
  | 'enum';

export interface Field {
  name: string;
  column: string;
  family: Family;
  isList: boolean;
  optional: boolean;
  samples: readonly Sample[];
  // Filter values besides those of the samples.
  alsoAsked?: readonly unknown[];
}

export interface Row {
  id: number;
  cells: Record<string, string | null>;
}

const columnNames: Record<string, string> = {
  mustText: 'must_text',
  objectId: 'object_id',
  textC: 'text_c',
  textUtf8: 'text_utf8',
  textDe: 'text_de',
  textTr: 'text_tr',
  atZone: 'at_zone',
  timeZone: 'time_zone',
  jsonText: 'json_text',
  textsDe: 'texts_de',
};

function scalar(name: string, family: Family, samples: readonly Sample[], more: Partial<Field> = {}): Field {
  return { name, column: columnNames[name] ?? name, family, isList: false, optional: true, samples, ...more };
}

const list = (name: string, family: Family, samples: readonly Sample[]): Field =>
  scalar(name, family, samples, { isList: true });

export const fields: readonly Field[] = [
  scalar('must', 'int', samples.wholes, { optional: false }),
  scalar('mustText', 'text', samples.texts, { optional: false }),
  scalar('small', 'int', samples.smalls),
  scalar('whole', 'int', samples.wholes),
  scalar('objectId', 'int', samples.objectIds),
  scalar('big', 'bigint', samples.bigs),
  scalar('double', 'float', samples.doubles),
  scalar('single', 'float', samples.singles, { alsoAsked: [0.10000000149, 0.1000001, 1.50000001] }),
  scalar('exact', 'decimal', samples.decimals),
  scalar('price', 'decimal', samples.amounts, {
    alsoAsked: [new Prisma.Decimal('1.504'), new Prisma.Decimal('1.505')],
  }),
  scalar('text', 'text', samples.texts),
  scalar('textC', 'text', samples.texts),
  scalar('textUtf8', 'text', samples.texts),
  scalar('textDe', 'text', samples.texts),
  scalar('textTr', 'text', samples.texts),
  scalar('varchar', 'text', samples.shortTexts(40)),
  scalar('fixed', 'text', samples.shortTexts(8), { alsoAsked: ['a   ', 'ab       '] }),
  scalar('citext', 'text', samples.texts),
  scalar(
    'address',
    'caseless',
    samples.plain(['10.0.0.1', '10.1.0.0/16', '10.0.0.0/8', '::1', '2001:db8::/32', '192.168.0.1/24', '9.0.0.0']),
  ),
  scalar('bits', 'caseless', samples.plain(['0000', '1010', '0101', '1111', '0001'])),
  scalar('varbits', 'caseless', samples.plain(['', '0', '1', '10', '01', '1010', '1010101010', '0001'])),
  scalar(
    'xml',
    'xml',
    samples.plain(['<a/>', '<a>x</a>', '<a b="1">text &amp; more</a>', 'plain', '<a>%</a>', '<Ä/>']),
  ),
  scalar('uid', 'uuid', samples.uuids, { alsoAsked: ['0B5C2D3E-4F50-4617-8293-A4B5C6D7E8F9'] }),
  scalar('flag', 'boolean', samples.flags),
  scalar('at', 'datetime', samples.moments),
  scalar('at6', 'datetime', samples.preciseMoments),
  scalar('atZone', 'datetime', samples.zonedMoments),
  scalar('day', 'datetime', samples.days, { alsoAsked: [new Date('2024-05-28T23:00:00.000Z')] }),
  scalar('time', 'datetime', samples.times),
  scalar('timeZone', 'datetime', samples.zonedTimes),
  scalar('json', 'json', samples.jsons),
  scalar('jsonText', 'json', samples.jsons),
  scalar('bytes', 'bytes', samples.byteStrings),
  scalar('grade', 'enum', samples.grades),
  list('wholes', 'int', samples.wholes),
  list('bigs', 'bigint', samples.bigs),
  list('doubles', 'float', samples.doubles),
  list('singles', 'float', samples.singles),
  list('exacts', 'decimal', samples.decimals),
  list('texts', 'text', samples.texts),
  list('textsDe', 'text', samples.texts),
  list('varchars', 'text', samples.shortTexts(40)),
  list('citexts', 'text', samples.texts),
  list('uids', 'uuid', samples.uuids),
  list('flags', 'boolean', samples.flags),
  list('moments', 'datetime', samples.moments),
  list('zones', 'datetime', samples.zonedMoments),
  list('days', 'datetime', samples.days),
  list('jsons', 'json', samples.jsons),
  // Prisma 7.10 finds no row by an element of a list of Bytes.
  ...(prismaMajor === '7' ? [] : [list('byteses', 'bytes', samples.byteStrings)]),
  list('grades', 'enum', samples.grades),
];

// What Prisma's migrations cannot say.
export const specimenSql = `
  ALTER TABLE specimens
    ALTER text_c TYPE text COLLATE "C", ALTER text_utf8 TYPE text COLLATE "C.utf8",
    ALTER text_de TYPE text COLLATE "de-x-icu", ALTER text_tr TYPE text COLLATE "tr-x-icu",
    ALTER texts_de TYPE text[] COLLATE "de-x-icu",
    ALTER exact TYPE numeric, ALTER exacts TYPE numeric[];
  ALTER TABLE specimens REPLICA IDENTITY FULL;`;

const quotedElement = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

export class RandomRows {
  // Long enough, and random enough, to be stored out of line.
  private readonly large: string;

  constructor(private readonly random: Random) {
    this.large = random.bytes(6000).toString('hex');
  }

  row(id: number): Row {
    return { id, cells: Object.fromEntries(fields.map((field) => [field.column, this.cell(field)])) };
  }

  // Another row in the same place: all new, or only some columns.
  changed({ id, cells }: Row): Row {
    if (this.random.chance(0.5)) return this.row(id);
    const next = { ...cells };
    for (const field of fields) if (this.random.chance(0.2)) next[field.column] = this.cell(field);
    return { id, cells: next };
  }

  private cell(field: Field): string | null {
    if (!field.isList) {
      if (field.optional && this.random.chance(0.15)) return null;
      const { sql } = this.random.pick(field.samples);
      return field.name === 'text' && this.random.chance(0.05) ? sql + this.large : sql;
    }
    if (this.random.chance(0.1)) return null;
    if (field.name === 'wholes' && this.random.chance(0.05)) return this.random.pick(['[3:4]={1,2}', '{{1,2},{2,1}}']);
    const elements = this.random.list(4, () =>
      this.random.chance(0.1) ? 'NULL' : quotedElement(this.random.pick(field.samples).sql),
    );
    return `{${elements.join(',')}}`;
  }
}

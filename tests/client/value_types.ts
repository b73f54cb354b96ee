// Every type that a column can have: values at its edges, random values, and what a native event makes of them, said in SQL.
import { postgresMajor } from '../harness/paths.js';
import type { Random } from '../harness/random.js';

// SQL's expression for a value of column or expression `of`.
type Expression = (of: string) => string;

export interface ValueType {
  column: string;
  sql: string;
  // As PostgreSQL reads them.
  edges: readonly (string | null)[];
  random: (random: Random) => string;
  // The JSON that docs/native_events.md promises, as jsonb. Absent: the column's own text, character by character.
  native?: Expression;
  // `fails`: Prisma reads no value of it, as docs/wire_protocol.md says.
  prisma: 'reads' | 'reads since 7' | 'fails';
  // The first major version of PostgreSQL that has the type.
  from?: number;
}

const infiniteNumerics = postgresMajor >= 14;

const self: Expression = (of) => `to_jsonb(${of})`;
const asText: Expression = (of) => `to_jsonb(${of}::text)`;
const asTexts: Expression = (of) => `to_jsonb(${of}::text[])`;
// A double's own number; what is not finite is a string.
const float: Expression = (of) => `to_jsonb(${of})`;
const amount: Expression = (of) => `to_jsonb(${of}::numeric::text)`;
const base64: Expression = (of) => `to_jsonb(translate(encode(${of}, 'base64'), E'\\n', ''))`;
const utc: Expression = (of) => `to_jsonb(replace(to_jsonb(${of}) #>> '{}', '+00:00', 'Z'))`;

// Names of tables are qualified unless they are PostgreSQL's own.
const qualified: Expression = (of) =>
  `to_jsonb(CASE WHEN ${of}::oid < 16384 THEN ${of}::text ELSE 'public.' || ${of}::text END)`;

// Of one dimension.
const listOf =
  (element: Expression): Expression =>
  (of) =>
    `CASE WHEN ${of} IS NOT NULL THEN (SELECT COALESCE(jsonb_agg(${element(`(${of})[i]`)} ORDER BY i), '[]')
       FROM generate_subscripts(${of}, 1) AS i) END`;

const multirangeOf =
  (range: Expression): Expression =>
  (of) =>
    `CASE WHEN ${of} IS NOT NULL THEN (SELECT COALESCE(jsonb_agg(${range('x')} ORDER BY n), '[]')
       FROM unnest(${of}) WITH ORDINALITY AS u(x, n)) END`;

const rangeOf =
  (bound: Expression): Expression =>
  (of) =>
    `CASE WHEN ${of} IS NOT NULL THEN jsonb_build_object(
       'lower', ${bound(`lower(${of})`)}, 'upper', ${bound(`upper(${of})`)},
       'bounds', CASE WHEN isempty(${of}) THEN 'empty'
                 ELSE CASE WHEN lower_inc(${of}) THEN '[' ELSE '(' END
                   || CASE WHEN upper_inc(${of}) THEN ']' ELSE ')' END END) END`;

const pair: Expression = (of) =>
  `CASE WHEN ${of}::text IS NOT NULL THEN
     jsonb_build_object('a', (${of}).a, 'b c', (${of})."b c", 'at', ${utc(`(${of}).at`)}) END`;

const words = [
  '',
  'a',
  "it's",
  '"quoted"',
  'back\\slash',
  '{brace}',
  '(paren)',
  '[x,y)',
  'NULL',
  'a,b',
  'line\nbreak\t',
];
words.push('é', '日本', '🐘', ' spaces ', '\u0001', '\u2028', '</script>', '=>', 'null');

const text = (random: Random, longest = 60): string =>
  Array.from(random.list(4, () => random.pick(words)).join(''))
    .slice(0, longest)
    .join('');
const digits = (random: Random, most: number): string =>
  Array.from({ length: random.between(1, most) }, () => random.between(0, 9)).join('');
// Newer versions of PostgreSQL read an oid that begins with a zero as an octal one.
const oid = (random: Random): string => String(Number(digits(random, 9)));
const padded = (value: number, width: number): string => String(value).padStart(width, '0');

const integer = (bits: bigint) => (random: Random) => {
  const span = 1n << bits;
  let value = 0n;
  for (let n = 0; n < 4; n++) value = (value << 16n) | BigInt(random.between(0, 65535));
  // Small ones as often as large ones.
  return String(((value % span) - span / 2n) >> BigInt(random.between(0, Number(bits) - 1)));
};
const decimal = (random: Random): string =>
  (random.chance(0.5) ? '-' : '') +
  random.pick([
    digits(random, 3),
    digits(random, 200),
    `${digits(random, 30)}.${digits(random, 40)}`,
    `0.${digits(random, 60)}`,
  ]);
const double = (random: Random): string => String((random.next() - 0.5) * 10 ** random.between(-300, 300));
const single = (random: Random): string => String((random.next() - 0.5) * 10 ** random.between(-36, 37));
const day = (random: Random): string =>
  `${padded(random.chance(0.8) ? random.between(1900, 2100) : random.between(1, 9999), 4)}-${padded(random.between(1, 12), 2)}-${padded(random.between(1, 28), 2)}`;
const fraction = (random: Random): string =>
  random.pick(['', `.${padded(random.between(0, 999), 3)}`, `.${padded(random.between(0, 999999), 6)}`]);
const clock = (random: Random): string =>
  `${padded(random.between(0, 23), 2)}:${padded(random.between(0, 59), 2)}:${padded(random.between(0, 59), 2)}${fraction(random)}`;
const zone = (random: Random): string => random.pick(['+00', '+05:30', '-11', '+02', '-03:30']);
const instant = (random: Random): string => `${day(random)} ${clock(random)}`;
const hex = (random: Random, bytes: number): string => random.bytes(bytes).toString('hex');
const bytes = (random: Random): string => `\\x${hex(random, random.pick([0, 1, 2, 3, 200]))}`;
const uuid = (random: Random): string => hex(random, 16);
const bits = (random: Random, length: number): string => Array.from({ length }, () => random.between(0, 1)).join('');
const address = (random: Random): string =>
  random.pick([
    `${random.between(0, 255)}.${random.between(0, 255)}.0.${random.between(0, 255)}`,
    `10.${random.between(0, 255)}.0.0/16`,
    `2001:db8::${random.between(1, 9999)}`,
    '::1',
  ]);
const network = (random: Random): string =>
  random.pick(['10.0.0.0/8', '192.168.1.0/24', '2001:db8::/32', '1.2.3.4/32']);
const json = (random: Random, depth = 3): unknown => {
  if (depth === 0 || random.chance(0.3)) {
    return random.pick([0, -1.5, 1e21, 1e-7, true, false, null, text(random), random.between(-1e9, 1e9)]);
  }
  if (random.chance(0.4)) return random.list(4, () => json(random, depth - 1));
  return Object.fromEntries(random.list(4, () => [text(random, 8), json(random, depth - 1)]));
};
const jsonText = (random: Random): string => JSON.stringify(json(random));
const number = (random: Random): string => String(random.between(-99, 99));

// PostgreSQL's quoting of an element of an array, a composite or a range.
const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;
// Prisma reads no list with a NULL in it: few have one, so that it is asked for most.
const array =
  (element: (random: Random) => string, separator = ',') =>
  (random: Random): string =>
    `{${random.list(4, () => (random.chance(0.01) ? 'NULL' : quoted(element(random)))).join(separator)}}`;
const pairText = (random: Random): string =>
  `(${random.chance(0.2) ? '' : number(random)},${random.chance(0.2) ? '' : quoted(text(random))},${random.chance(0.2) ? '' : quoted(`${instant(random)}+00`)})`;
const rangeText =
  (low: (random: Random) => string, high: (random: Random) => string) =>
  (random: Random): string =>
    random.chance(0.1)
      ? 'empty'
      : `${random.pick(['[', '('])}${random.chance(0.2) ? '' : quoted(low(random))},${random.chance(0.2) ? '' : quoted(high(random))}${random.pick([']', ')'])}`;
const hstoreText = (random: Random): string =>
  random.list(3, () => `${quoted(text(random, 8))}=>${random.chance(0.2) ? 'NULL' : quoted(text(random))}`).join(', ');
const rank = (random: Random): string => random.pick(['BASIC', 'gold_rank']);

const listEdges = ['{}', '{NULL}', null];

const everyType: readonly ValueType[] = [
  {
    column: 'bool',
    sql: 'boolean',
    edges: ['t', 'f', null],
    random: (r) => r.pick(['t', 'f']),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'int2',
    sql: 'smallint',
    edges: ['-32768', '32767', '0'],
    random: integer(16n),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'int4',
    sql: 'integer',
    edges: ['-2147483648', '2147483647'],
    random: integer(32n),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'int8',
    sql: 'bigint',
    edges: ['-9223372036854775808', '9223372036854775807', '9007199254740993'],
    random: integer(64n),
    native: asText,
    prisma: 'reads',
  },
  {
    column: 'oid',
    sql: 'oid',
    edges: ['0', '4294967295'],
    random: oid,
    native: (of) => `to_jsonb(${of}::bigint)`,
    prisma: 'reads',
  },
  {
    column: 'float4',
    sql: 'real',
    edges: ['0.1', '1e-45', '3.4028235e38', '16777217', 'NaN', 'Infinity', '-Infinity', '-0'],
    random: single,
    native: float,
    prisma: 'reads',
  },
  {
    column: 'float8',
    sql: 'double precision',
    edges: ['0.1', '5e-324', '1.7976931348623157e308', '0.30000000000000004', 'NaN', 'Infinity', '-Infinity', '-0'],
    random: double,
    native: float,
    prisma: 'reads',
  },
  {
    column: 'numeric',
    sql: 'numeric',
    edges: [
      '0',
      '-0.000',
      '1.50',
      `${'9'.repeat(1000)}.${'1'.repeat(500)}`,
      '1e-300',
      '1e300',
      'NaN',
      ...(infiniteNumerics ? ['Infinity', '-Infinity'] : []),
    ],
    random: decimal,
    native: asText,
    prisma: 'reads',
  },
  {
    column: 'money',
    sql: 'money',
    edges: ['0', '1.05', '-1.05', '1234.50', '92233720368547758.07', '-92233720368547758.08'],
    // Prisma reads amounts without sign and grouping only.
    random: (r) => `${r.chance(0.02) ? `-${digits(r, 6)}` : digits(r, 3)}.${padded(r.between(0, 99), 2)}`,
    native: amount,
    prisma: 'reads',
  },
  { column: 'text', sql: 'text', edges: ['', ...words], random: text, native: self, prisma: 'reads' },
  {
    column: 'varchar',
    sql: 'varchar(20)',
    edges: ['', 'ab '],
    random: (r) => text(r, 20),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'bpchar',
    sql: 'char(5)',
    edges: ['', 'ab', 'é日🐘'],
    random: (r) => text(r, 5),
    native: (of) => `to_jsonb(rpad(${of}::text, 5))`,
    prisma: 'reads',
  },
  { column: 'citext', sql: 'citext', edges: ['', 'MiXed'], random: text, native: asText, prisma: 'reads' },
  {
    column: 'xml',
    sql: 'xml',
    edges: ['', 'no element', '<a b="1">t &amp; u<!-- c --></a>', '<?xml version="1.0"?><a/>'],
    random: (r) => `<a b="${r.between(0, 9)}">${r.pick(['é', '&lt;', ' '])}</a>`,
    native: (of) => `to_jsonb(xml_out(${of})::text)`,
    prisma: 'reads',
  },
  {
    column: 'uuid',
    sql: 'uuid',
    edges: ['00000000-0000-0000-0000-000000000000', 'A0EEBC999C0B4EF8BB6D6BB9BD380A11'],
    random: uuid,
    native: self,
    prisma: 'reads',
  },
  { column: 'bit', sql: 'bit(4)', edges: ['0000', '1010'], random: (r) => bits(r, 4), native: asText, prisma: 'reads' },
  {
    column: 'varbit',
    sql: 'varbit',
    edges: ['', '1'],
    random: (r) => bits(r, r.between(0, 70)),
    native: asText,
    prisma: 'reads',
  },
  {
    column: 'inet',
    sql: 'inet',
    edges: ['10.0.0.1', '10.1.0.0/16', '::ffff:1.2.3.4'],
    random: address,
    native: self,
    prisma: 'reads',
  },
  { column: 'cidr', sql: 'cidr', edges: ['0.0.0.0/0', '::/0'], random: network, native: self, prisma: 'reads' },
  {
    column: 'date',
    sql: 'date',
    edges: [
      '0001-01-01',
      '9999-12-31',
      '10000-01-01',
      '5874897-12-31',
      '0044-03-15 BC',
      '4713-01-01 BC',
      'infinity',
      '-infinity',
      '1582-10-10',
      '2000-02-29',
    ],
    random: day,
    native: self,
    prisma: 'reads',
  },
  {
    column: 'time',
    sql: 'time',
    edges: ['00:00', '23:59:59.999999', '24:00', '12:00:00.000001'],
    random: clock,
    native: asText,
    prisma: 'reads',
  },
  {
    column: 'timetz',
    sql: 'timetz',
    edges: ['00:00+00', '23:59:59.999999-11', '24:00+14', '12:34:56+05:53:28'],
    random: (r) => clock(r) + zone(r),
    native: asText,
    prisma: 'reads',
  },
  {
    column: 'timestamp',
    sql: 'timestamp',
    edges: [
      '0001-01-01',
      '9999-12-31 23:59:59.999999',
      '12024-05-28 12:34:56.7',
      '0044-03-15 12:00:00.5 BC',
      'infinity',
      '-infinity',
      '1969-12-31 23:59:59.999999',
      '0099-01-01',
      '294276-12-31',
    ],
    random: instant,
    native: self,
    prisma: 'reads',
  },
  {
    column: 'timestamptz',
    sql: 'timestamptz',
    edges: [
      '0001-01-01 00:00:00+00',
      '9999-12-31 23:59:59.999999+00',
      '12024-05-28 12:34:56.7+00',
      '0044-03-15 12:00:00.5+00 BC',
      'infinity',
      '-infinity',
      '1900-01-01 00:00:00-11',
      '2024-05-28 12:34:56+05:53:28',
    ],
    random: (r) => instant(r) + zone(r),
    native: utc,
    prisma: 'reads',
  },
  {
    column: 'json',
    sql: 'json',
    edges: [
      'null',
      '1',
      '"a"',
      '[]',
      '  {"b" :1, "a":null, "b": 2}',
      '[1.50, 1e400, -0, 123456789012345678901234567890]',
      '"\\u00e9\\ud83d\\udc18"',
      `${'['.repeat(100)}${']'.repeat(100)}`,
      '{"$type": "Json", "value": "{}"}',
    ],
    random: jsonText,
    prisma: 'reads',
  },
  {
    column: 'jsonb',
    sql: 'jsonb',
    edges: [
      'null',
      '1',
      '"a"',
      '{}',
      '{"b": 1, "a": null, "b": 2}',
      '[1.50, 1e400, -0, 123456789012345678901234567890]',
      `${'[1,'.repeat(99)}1${']'.repeat(99)}`,
    ],
    random: jsonText,
    prisma: 'reads',
  },
  {
    column: 'bytea',
    sql: 'bytea',
    edges: ['\\x', '\\x00', '\\x00ff10', `\\x${'ab'.repeat(100)}`],
    random: bytes,
    native: base64,
    prisma: 'reads',
  },
  { column: 'rank', sql: 'rank_kind', edges: ['BASIC', 'gold_rank'], random: rank, native: asText, prisma: 'reads' },

  {
    column: 'int_domain',
    sql: 'int_domain',
    edges: ['1', null],
    random: (r) => String(r.between(1, 9)),
    native: self,
    prisma: 'reads',
  },
  { column: 'text_domain', sql: 'text_domain', edges: ['', 'a'], random: text, native: asText, prisma: 'reads' },
  {
    column: 'exact_domain',
    sql: 'exact_domain',
    edges: ['1.5', '-0.001'],
    random: number,
    native: asText,
    prisma: 'reads',
  },
  {
    column: 'moment_domain',
    sql: 'moment_domain',
    edges: ['2024-05-28 12:34:56.789012+02'],
    random: instant,
    native: utc,
    prisma: 'reads',
  },
  {
    column: 'rank_domain',
    sql: 'rank_domain',
    edges: ['BASIC', 'gold_rank'],
    random: rank,
    native: asText,
    prisma: 'reads',
  },
  {
    column: 'ints_domain',
    sql: 'ints_domain',
    edges: ['{1,2}', '{}'],
    random: array(number),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'ranks_domain',
    sql: 'ranks_domain',
    edges: ['{BASIC}', '{}'],
    random: array(rank),
    native: self,
    prisma: 'reads',
  },

  {
    column: 'bools',
    sql: 'boolean[]',
    edges: listEdges,
    random: array((r) => r.pick(['t', 'f'])),
    native: self,
    prisma: 'reads',
  },
  { column: 'int2s', sql: 'smallint[]', edges: listEdges, random: array(integer(16n)), native: self, prisma: 'reads' },
  {
    column: 'int4s',
    sql: 'integer[]',
    edges: [...listEdges, '{{1,2},{3,4}}', '[0:1]={5,6}', '{{{1}}}'],
    random: array(integer(32n)),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'int8s',
    sql: 'bigint[]',
    edges: [...listEdges, '{{1},{9007199254740993}}'],
    random: array(integer(64n)),
    native: asTexts,
    prisma: 'reads',
  },
  {
    column: 'oids',
    sql: 'oid[]',
    edges: listEdges,
    random: array(oid),
    native: (of) => `to_jsonb(${of}::bigint[])`,
    prisma: 'reads',
  },
  {
    column: 'float4s',
    sql: 'real[]',
    edges: [...listEdges, '{NaN,Infinity,0.1}'],
    random: array(single),
    native: listOf(float),
    prisma: 'reads',
  },
  {
    column: 'float8s',
    sql: 'double precision[]',
    edges: [...listEdges, '{NaN,-Infinity,0.1}'],
    random: array(double),
    native: listOf(float),
    prisma: 'reads',
  },
  {
    column: 'numerics',
    sql: 'numeric[]',
    edges: [...listEdges, '{NaN,1.50}', '{{1.0,2},{NULL,3}}'],
    random: array(decimal),
    native: asTexts,
    prisma: 'reads',
  },
  {
    column: 'moneys',
    sql: 'money[]',
    edges: [...listEdges, '{"1,234.50"}'],
    random: array((r) => `${digits(r, 3)}.50`),
    native: listOf(amount),
    prisma: 'reads',
  },
  {
    column: 'texts',
    sql: 'text[]',
    edges: [...listEdges, '{"",NULL,"NULL","a\\"b\\\\c{}"}', '{{a,b},{c,NULL}}'],
    random: array(text),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'varchars',
    sql: 'varchar(20)[]',
    edges: listEdges,
    random: array((r) => text(r, 20)),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'bpchars',
    sql: 'char(5)[]',
    edges: [...listEdges, '{ab}'],
    random: array((r) => text(r, 5)),
    native: listOf((of) => `to_jsonb(rpad(${of}::text, 5))`),
    prisma: 'reads',
  },
  {
    column: 'xmls',
    sql: 'xml[]',
    edges: listEdges,
    random: array(() => '<a b="1">,</a>'),
    native: asTexts,
    prisma: 'reads',
  },
  { column: 'uuids', sql: 'uuid[]', edges: listEdges, random: array(uuid), native: self, prisma: 'reads' },
  {
    column: 'bits',
    sql: 'bit(4)[]',
    edges: listEdges,
    random: array((r) => bits(r, 4)),
    native: asTexts,
    prisma: 'reads',
  },
  {
    column: 'varbits',
    sql: 'varbit[]',
    edges: [...listEdges, '{""}'],
    random: array((r) => bits(r, r.between(0, 9))),
    native: asTexts,
    prisma: 'reads',
  },
  { column: 'inets', sql: 'inet[]', edges: listEdges, random: array(address), native: self, prisma: 'reads' },
  { column: 'cidrs', sql: 'cidr[]', edges: listEdges, random: array(network), native: self, prisma: 'reads' },
  {
    column: 'dates',
    sql: 'date[]',
    edges: [...listEdges, '{"0044-03-15 BC",infinity}'],
    random: array(day),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'times',
    sql: 'time[]',
    edges: [...listEdges, '{24:00}'],
    random: array(clock),
    native: asTexts,
    prisma: 'reads',
  },
  {
    column: 'timestamps',
    sql: 'timestamp[]',
    edges: [...listEdges, '{-infinity,"0044-03-15 BC"}'],
    random: array(instant),
    native: self,
    prisma: 'reads',
  },
  {
    column: 'timestamptzs',
    sql: 'timestamptz[]',
    edges: [...listEdges, '{infinity}'],
    random: array((r) => instant(r) + zone(r)),
    native: listOf(utc),
    prisma: 'reads',
  },
  {
    column: 'json_list',
    sql: 'json[]',
    edges: [...listEdges, '{"null","{\\"a\\":1}"}'],
    random: array(jsonText),
    native: listOf(self),
    prisma: 'reads',
  },
  {
    column: 'jsonbs',
    sql: 'jsonb[]',
    edges: [...listEdges, '{"null","[1e400]"}'],
    random: array(jsonText),
    native: listOf(self),
    prisma: 'reads',
  },
  {
    column: 'byteas',
    sql: 'bytea[]',
    edges: [...listEdges, '{"\\\\x00ff",""}'],
    random: array(bytes),
    native: listOf(base64),
    prisma: 'reads',
  },
  { column: 'ranks', sql: 'rank_kind[]', edges: listEdges, random: array(rank), native: asTexts, prisma: 'reads' },

  { column: 'name', sql: 'name', edges: ['', 'n'], random: (r) => text(r, 8), native: asText, prisma: 'reads since 7' },
  {
    column: 'char',
    sql: '"char"',
    edges: ['', 'c'],
    random: (r) => r.pick(['a', '"', '\\101']),
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'interval',
    sql: 'interval',
    edges: ['0', '1 year 2 mons -3 days 04:05:06.789012', '-178000000 years', '178000000 years', '-00:00:00.000001'],
    random: (r) => `${r.between(-99, 99)} mons ${r.between(-99, 99)} days ${r.pick(['', '-'])}${clock(r)}`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'macaddr',
    sql: 'macaddr',
    edges: ['08:00:2b:01:02:03'],
    random: (r) => hex(r, 6),
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'macaddr8',
    sql: 'macaddr8',
    edges: ['08:00:2b:01:02:03:04:05'],
    random: (r) => hex(r, 8),
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'point',
    sql: 'point',
    edges: ['(0,0)', '(NaN,Infinity)'],
    random: (r) => `(${double(r)},${double(r)})`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'box',
    sql: 'box',
    edges: ['(2,2),(1,1)'],
    random: (r) => `(${number(r)},${number(r)}),(${number(r)},${number(r)})`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'line',
    sql: 'line',
    edges: ['{1,2,3}'],
    random: (r) => `{1,${number(r)},${number(r)}}`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'lseg',
    sql: 'lseg',
    edges: ['[(1,2),(3,4)]'],
    random: (r) => `[(1,${number(r)}),(3,${number(r)})]`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'path',
    sql: 'path',
    edges: ['[(1,2),(3,4)]', '((1,2),(3,4))'],
    random: (r) => `((1,${number(r)}),(3,4))`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'polygon',
    sql: 'polygon',
    edges: ['((1,2),(3,4),(5,6))'],
    random: (r) => `((1,${number(r)}),(3,4))`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'circle',
    sql: 'circle',
    edges: ['<(1,2),3>'],
    random: (r) => `<(1,${number(r)}),3>`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'tsvector',
    sql: 'tsvector',
    edges: ['', "'a b':1A,2 'c''d'"],
    random: (r) => `w${number(r)}:1A`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'tsquery',
    sql: 'tsquery',
    edges: ['', "'a' & !'b':*"],
    random: (r) => `w${digits(r, 2)} | v`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'pg_lsn',
    sql: 'pg_lsn',
    edges: ['0/0', 'FFFFFFFF/FFFFFFFF'],
    random: (r) => `${hex(r, 2)}/${hex(r, 3)}`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'jsonpath',
    sql: 'jsonpath',
    edges: ['$."a b"[*] ? (@ > 1)'],
    random: (r) => `$.k${digits(r, 2)}`,
    native: asText,
    prisma: 'fails',
  },
  {
    column: 'regclass',
    sql: 'regclass',
    edges: ['public.value', 'pg_class', '0'],
    random: (r) => r.pick(['public.value', 'pg_type']),
    native: qualified,
    prisma: 'fails',
  },
  {
    column: 'int4range',
    sql: 'int4range',
    edges: ['empty', '[1,10)', '(,)', '[,5]'],
    random: rangeText(
      (r) => `-${digits(r, 3)}`,
      (r) => digits(r, 3),
    ),
    native: rangeOf(self),
    prisma: 'fails',
  },
  {
    column: 'numrange',
    sql: 'numrange',
    edges: ['(1.50,2.5]', infiniteNumerics ? '[-Infinity,NaN]' : '[0,NaN]'],
    random: rangeText(
      (r) => `-${digits(r, 9)}.5`,
      (r) => `${digits(r, 9)}.50`,
    ),
    native: rangeOf(asText),
    prisma: 'fails',
  },
  {
    column: 'tstzrange',
    sql: 'tstzrange',
    edges: ['[2024-01-01 00:00:00+00,infinity)', '["0044-03-15 00:00:00+00 BC",]'],
    random: rangeText(
      (r) => `1${instant(r).slice(1)}+02`,
      (r) => `9${instant(r).slice(1)}+00`,
    ),
    native: rangeOf(utc),
    prisma: 'fails',
  },
  {
    column: 'int4multirange',
    sql: 'int4multirange',
    edges: ['{}', '{[1,3),[5,7)}', '{(,)}'],
    random: (r) => `{[${r.between(0, 9)},${r.between(10, 19)}),[${r.between(30, 39)},)}`,
    native: multirangeOf(rangeOf(self)),
    prisma: 'fails',
    from: 14,
  },
  {
    column: 'float_range',
    sql: 'float_range',
    edges: ['[0.1,Infinity)'],
    random: rangeText(
      (r) => `-${digits(r, 3)}`,
      (r) => `0.${digits(r, 5)}`,
    ),
    native: rangeOf(float),
    prisma: 'reads',
  },
  {
    column: 'pair',
    sql: 'pair',
    edges: ['(,,)', '(1,"",)', '(1,"x, ""y"" \\\\z","infinity")'],
    random: pairText,
    native: pair,
    prisma: 'reads',
  },
  {
    column: 'hstore',
    sql: 'hstore',
    edges: ['', 'a=>1, b=>NULL, "c\\"=>"=>"\\\\"'],
    random: hstoreText,
    native: (of) => `hstore_to_jsonb(${of})`,
    prisma: 'reads',
  },
  {
    column: 'ltree',
    sql: 'ltree',
    edges: ['', 'Top.Science'],
    random: (r) => `a.b${digits(r, 3)}`,
    native: asText,
    prisma: 'reads',
  },
  {
    column: 'boxes',
    sql: 'box[]',
    edges: ['{}', '{(2,2),(1,1);NULL}'],
    random: array((r) => `(${number(r)},1),(2,${number(r)})`, ';'),
    native: listOf(asText),
    prisma: 'fails',
  },
  {
    column: 'timetzs',
    sql: 'timetz[]',
    edges: listEdges,
    random: array((r) => clock(r) + zone(r)),
    native: asTexts,
    prisma: 'fails',
  },
  {
    column: 'intervals',
    sql: 'interval[]',
    edges: listEdges,
    random: array((r) => `${number(r)} days`),
    native: asTexts,
    prisma: 'fails',
  },
  {
    column: 'ranges',
    sql: 'int4range[]',
    edges: ['{}', '{NULL,empty,"[1,2)"}'],
    random: array(
      rangeText(
        (r) => `-${digits(r, 3)}`,
        (r) => digits(r, 3),
      ),
    ),
    native: listOf(rangeOf(self)),
    prisma: 'fails',
  },
  {
    column: 'pairs',
    sql: 'pair[]',
    edges: ['{}', '{NULL,"(1,\\"a b\\",)"}'],
    random: array(pairText),
    native: listOf(pair),
    prisma: 'fails',
  },
  {
    column: 'hstores',
    sql: 'hstore[]',
    edges: ['{}', '{NULL,""}'],
    random: array(hstoreText),
    native: listOf((of) => `hstore_to_jsonb(${of})`),
    prisma: 'fails',
  },
  {
    column: 'texts_domains',
    sql: 'text_domain[]',
    edges: ['{}', '{NULL,"a b"}'],
    random: array(text),
    native: asTexts,
    prisma: 'fails',
  },
  {
    column: 'ints_domains',
    sql: 'ints_domain[]',
    edges: ['{}', '{"{1,NULL}",NULL,"{}"}'],
    random: array(array(number)),
    native: listOf((of) => `to_jsonb(${of}::integer[])`),
    prisma: 'fails',
  },
];

export const valueTypes = everyType.filter(({ from = 0 }) => postgresMajor >= from);

// The types that a database does not have by itself, and the table of all of them.
export const valueTable = [
  'CREATE EXTENSION citext',
  'CREATE EXTENSION hstore',
  'CREATE EXTENSION ltree',
  'CREATE DOMAIN int_domain AS integer CHECK (VALUE > 0)',
  'CREATE DOMAIN text_domain AS text',
  'CREATE DOMAIN exact_domain AS numeric(12,4)',
  'CREATE DOMAIN moment_domain AS timestamptz',
  'CREATE DOMAIN rank_domain AS rank_kind',
  'CREATE DOMAIN ints_domain AS integer[]',
  'CREATE DOMAIN ranks_domain AS rank_kind[]',
  'CREATE TYPE pair AS (a integer, "b c" text, at timestamptz)',
  'CREATE TYPE float_range AS RANGE (subtype = float8)',
  'DROP TABLE value',
  `CREATE TABLE value (id integer PRIMARY KEY, ${valueTypes.map(({ column, sql }) => `"${column}" ${sql}`).join(', ')})`,
].join(';\n');

// Rows by column: first those at the edges, which are the same every time, then random ones.
export function valueRows(random: Random, count: number): Record<string, string | number | null>[] {
  const edges = Math.max(...valueTypes.map((type) => type.edges.length));
  return Array.from({ length: edges + count }, (_, index) => ({
    id: index + 1,
    ...Object.fromEntries(
      valueTypes.map((type) => [
        type.column,
        index < edges ? (type.edges[index] ?? null) : random.chance(0.15) ? null : type.random(random),
      ]),
    ),
  }));
}

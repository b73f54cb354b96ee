// The values that filters stumble over, type by type: extremes, equal values that are written differently, letters that
// case treats badly, and what no application can write in a filter.
import { Prisma } from '#prisma/specimens';

// One value: as PostgreSQL reads it, and as a filter has it, where Prisma can say it.
export interface Sample {
  sql: string;
  value?: unknown;
}

const strings = [
  ...['', ' ', 'a', 'A', 'b', 'ab', 'aB', 'Ab', 'AB', 'abc', 'a ', ' a', 'a b', 'z', 'Z', 'ae', '1', '10', '9', 'null'],
  ...[
    '%',
    '_',
    '\\',
    'a%b',
    'a_b',
    'a\\b',
    'axb',
    '%a',
    'a\\%',
    "it's",
    '"q"',
    '{a,b}',
    'a,b',
    '\t',
    '\n',
    '\u007f',
    'NULL',
  ],
  ...[
    'straße',
    'STRASSE',
    'strasse',
    'Straße',
    'ß',
    'ẞ',
    'ss',
    'SS',
    'ä',
    'Ä',
    'é',
    'É',
    'e\u0301',
    'E\u0301',
    'José',
    'JOSÉ',
  ],
  ...[
    'i',
    'I',
    'İ',
    'ı',
    'i\u0307',
    'Iı',
    'ISTANBUL',
    'İstanbul',
    'istanbul',
    'ıstanbul',
    '\u0130\u0307',
    'J\u0307',
    'j\u0307',
  ],
  ...['ΟΔΟΣ', 'οδος', 'οδοσ', 'ς', 'σ', 'Σ', 'ΑΣ Α', 'ας α', 'ΑΣΑ', 'Ω', '\u2126', 'ω', '\u212a', 'k', 'K', 'ſ', 's'],
  ...[
    'Ǆ',
    'ǅ',
    'ǆ',
    'ﬁ',
    'fi',
    'FI',
    '\u212b',
    'å',
    'Ⅷ',
    'ⅷ',
    'Ⱥ',
    'ⱥ',
    '𐐀',
    '𐐨',
    '🐘',
    '日本',
    '語',
    'Ა',
    'ა',
    'Ꭰ',
    'ꭰ',
  ],
  ...[
    'co-op',
    'coop',
    'CO-OP',
    '\u00ad',
    '\u200b',
    '\u0301',
    '\ufffd',
    '\uffff',
    '𝒜',
    'résumé',
    'resume',
    'Résumé',
    'ÿ',
    'Ÿ',
  ],
];

const whole = (values: readonly number[]): Sample[] => values.map((value) => ({ sql: String(value), value }));

const bigValues = [0n, 1n, -1n, 42n, 2n ** 31n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];

const doubleValues = [0, 1, -1, 0.1, 0.2, 0.3, 1.5, -2.5, 1e21, 1e-7, 5e-324, 2.5e-310, 123456789.125, 2 ** 53];
const unsayable = ['NaN', 'Infinity', '-Infinity', '-0'].map((sql): Sample => ({ sql }));
// Prisma's engine writes 16 significant digits of a double, so that those with 17 are another number in its queries, and
// the extremes out of range.
export const doubles = doubleValues
  .map((value): Sample => ({ sql: String(value), value }))
  .concat(
    ['0.30000000000000004', '1.7976931348623157e308', '-1.7976931348623157e308'].map((sql) => ({ sql })),
    unsayable,
  );
const singleValues = [0, 1, -1, 0.1, 0.3, 1.5, 16777216, 16777217, 3.25e38, 1.5e-30, 1e-45, 1e10];
export const singles = singleValues.map((value): Sample => ({ sql: String(value), value })).concat(unsayable);

const decimalTexts = [
  ...[
    '0',
    '0.00',
    '-0.0',
    '1',
    '1.0',
    '1.5',
    '1.50',
    '1.500',
    '-1.5',
    '-1.50',
    '2',
    '10',
    '0.1',
    '0.10',
    '1e30',
    '1e-30',
  ],
  ...['123456789012345678901234567890.123456789', '123456789012345678901234567890.12345679', '99999999999999999999'],
];
export const decimals = decimalTexts
  .map((sql): Sample => ({ sql, value: new Prisma.Decimal(sql) }))
  .concat(['NaN', 'Infinity', '-Infinity'].map((sql) => ({ sql })));
export const amounts = ['0', '1.5', '-2', '1000.25', '0.01', '-1234567.89', '92233720368547758.07'].map(
  (sql): Sample => ({ sql, value: new Prisma.Decimal(sql) }),
);

// A point of time in UTC, with the microseconds that a Date cannot hold.
const at = (text: string, sayable = true): Sample => ({
  sql: text,
  ...(sayable ? { value: new Date(`${text.slice(0, 23).replace(' ', 'T')}Z`) } : {}),
});
export const moments = [
  ...['2024-05-28 00:00:00.000', '2024-05-28 12:34:56.789', '2024-05-28 12:34:56.790', '1970-01-01 00:00:00.000'].map(
    (text) => at(text),
  ),
  ...['1969-12-31 23:59:59.999', '0050-01-01 00:00:00.000', '0001-01-01 00:00:00.000', '9999-12-31 23:59:59.999'].map(
    (text) => at(text),
  ),
  ...['1582-10-10 01:02:03.004', '2024-02-29 00:00:00.000', '2024-05-28 23:59:59.999'].map((text) => at(text)),
  ...['infinity', '-infinity', '0044-03-15 00:00:00 BC', '12024-01-01 00:00:00'].map((text) => at(text, false)),
];
const microseconds = [
  ...[
    '2024-05-28 12:34:56.789001',
    '2024-05-28 12:34:56.788999',
    '2024-05-28 12:34:56.789',
    '1969-12-31 23:59:59.9995',
  ],
  ...['1970-01-01 00:00:00.000001', '0001-01-01 00:00:00.000001'],
].map((sql): Sample => ({ sql }));
const inZones = [
  ...[
    '2024-05-28 14:34:56.789+02',
    '2024-05-28 02:00:00+02',
    '1969-12-31 18:00:00-06',
    '2024-05-28 18:04:56.789001+05:30',
  ],
].map((sql): Sample => ({ sql }));
const commonDays = [
  ...['2024-05-28', '2024-05-27', '1970-01-01', '1969-12-31', '0001-01-01', '9999-12-31', '2024-02-29'],
].map((sql): Sample => ({ sql, value: new Date(`${sql}T00:00:00.000Z`) }));
const dayEdges = ['infinity', '-infinity', '0044-03-15 BC', '12024-01-01'].map((sql): Sample => ({ sql }));
const ofDay = (text: string): Date => new Date(`1970-01-01T${text}Z`);
const commonTimes = ['00:00:00', '12:34:56.789', '23:59:59.999', '12:34:56', '01:00:00.001'].map(
  (sql): Sample => ({
    sql,
    value: ofDay(sql),
  }),
);
const timeEdges = ['12:34:56.789001', '24:00:00', '00:00:00.000001'].map((sql): Sample => ({ sql }));
export const zonedTimes = [
  '12:34:56.789+00',
  '14:34:56.789+02',
  '00:00:00+00',
  '23:00:00-01',
  '01:00:00.001+05:30',
  '12:34:56.789001+00',
]
  .map((sql): Sample => ({ sql }))
  .concat(commonTimes.map(({ sql, value }) => ({ sql: `${sql}+00`, value })));

const uuidTexts = [
  ...[
    '0b5c2d3e-4f50-4617-8293-a4b5c6d7e8f9',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ],
  ...[
    '0b5c2d3e-4f50-4617-8293-a4b5c6d7e8fa',
    'a0000000-0000-4000-8000-000000000000',
    '9fffffff-ffff-4fff-bfff-ffffffffffff',
  ],
];

export const byteStrings = ['', '00', '01', 'ff', '00ff01', '6162', '5c', '00'.repeat(40), 'deadbeef'].map(
  (hex): Sample => ({
    sql: `\\x${hex}`,
    value: new Uint8Array(Buffer.from(hex, 'hex')),
  }),
);

const jsonValues: unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    1.5,
    2,
    10,
    1e21,
    '',
    'a',
    'A',
    'ab',
    'b',
    'straße',
    'İ',
    'a%b',
    'a_b',
    'a\\b',
    '"q"',
    '日本',
  ],
  ...[[], {}, [1], [1, 2], [2, 1], ['a'], ['a', 1, null], [[1], [2]], [{ a: 1 }], [null], [1, 1], ['ab', 'b']],
  ...[{ a: 1 }, { a: 2 }, { a: '1' }, { a: 'ab' }, { a: 'AB' }, { a: 'Straße' }, { a: null }, { a: true }, { a: [] }],
  ...[{ a: [1] }, { a: [1, 2] }, { a: [2, 1, 1] }, { a: ['a', 'b'] }, { a: [[1], { b: 1 }] }, { a: { b: 1 } }],
  ...[
    { a: { b: 'ab' } },
    { a: { b: [1, 'a'] } },
    { a: { b: null } },
    { a: { '0': 5 } },
    { b: 1, a: 1 },
    { a: 1, b: { a: 'b' } },
  ],
  ...[
    { 'ä"\\': 'x' },
    { '': 1 },
    { a: 1.5 },
    { a: 10 },
    { a: -1 },
    { a: 9 },
    { a: 'a%b' },
    { a: 'a_b' },
    { a: '\\' },
    { a: 'é\u0001' },
  ],
];
const jsonWritten = jsonValues.map((value): Sample => ({ sql: JSON.stringify(value), value }));
// What no JavaScript value stands for.
const jsonTexts = [
  ...[
    '{"a": 1.0}',
    '{"a": 1e0}',
    '{"a": 12345678901234567890123}',
    '{"a": 1e400}',
    '{"a": [1.0, 1e2]}',
    ' {"b" : 1 , "a":1.00}',
  ],
  ...['{"a": "\\u00e9"}', '{"a": 0.1000}', '{"a": 9007199254740993}', '{"a": 1, "a": 2}'],
].map((sql): Sample => ({ sql }));

export const texts = strings.map((value): Sample => ({ sql: value, value }));
export const shortTexts = (length: number): Sample[] =>
  [...new Set(strings.map((text) => Array.from(text).slice(0, length).join('')))].map((value) => ({
    sql: value,
    value,
  }));

export const grades: Sample[] = [
  { sql: 'low grade', value: 'LOW' },
  { sql: 'MID', value: 'MID' },
  { sql: 'hoch', value: 'HIGH' },
];

export const flags: Sample[] = [
  { sql: 't', value: true },
  { sql: 'f', value: false },
];

export const plain = (values: readonly string[]): Sample[] => values.map((value) => ({ sql: value, value }));

const smallWholes = [0, 1, -1, 2, 5, 7, 42, 32767, -32768];

export const smalls = whole(smallWholes);
export const wholes = whole([...smallWholes, 2147483647, -2147483648]);
export const objectIds = whole([0, 1, 2, 42, 2147483647, 3000000000, 4294967295]);

function inUtc({ sql, value }: Sample): Sample {
  const text = sql.endsWith('infinity') ? sql : sql.endsWith(' BC') ? sql.replace(' BC', '+00 BC') : `${sql}+00`;
  return { sql: text, ...(value === undefined ? {} : { value }) };
}

export const bigs = bigValues.map((value): Sample => ({ sql: String(value), value }));
export const preciseMoments = [...moments, ...microseconds];
export const zonedMoments = [...preciseMoments.map(inUtc), ...inZones];
export const days = [...commonDays, ...dayEdges];
export const times = [...commonTimes, ...timeEdges];
export const uuids = plain(uuidTexts);
export const jsons = [...jsonWritten, ...jsonTexts];

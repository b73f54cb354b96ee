// Random rows of the model with every scalar type: ordinary values, extremes and what needs quoting somewhere on the way.
import { Prisma } from '#prisma/client';

import type { Random } from '../harness/random.js';

const words = [
  '',
  'a',
  'plain text',
  "it's",
  '"quoted"',
  'back\\slash',
  '{brace}',
  'NULL',
  'a,b',
  'line\nbreak\ttab\r',
  'é',
  '日本',
  '🐘',
  ' spaces ',
  '\u0001',
  '\u2028',
  '</script>',
  '%_',
  '$type',
];

export class RandomRows {
  // Each version of Prisma wants decimals and nulls of its own make.
  constructor(
    private readonly random: Random,
    private readonly own: Pick<typeof Prisma, 'Decimal' | 'JsonNull' | 'DbNull'> = Prisma,
  ) {}

  text(longest = 60): string {
    let text = '';
    for (let pieces = this.random.between(0, 4); pieces > 0; pieces--) text += this.random.pick(words);
    // Not through the middle of a surrogate pair.
    return Array.from(text).slice(0, longest).join('');
  }

  int(bits: number): number {
    const edge = 2 ** (bits - 1);
    return this.random.pick([0, 1, -1, edge - 1, -edge, this.random.between(-edge, edge - 1)]);
  }

  bigint(): bigint {
    const edge = 2n ** 63n;
    return this.random.pick([
      0n,
      -1n,
      edge - 1n,
      -edge,
      BigInt(this.int(32)) * BigInt(this.int(31)),
      9007199254740993n,
    ]);
  }

  float(): number {
    return this.random.pick([
      0,
      0.1,
      -1.5,
      1e21,
      1e-7,
      1.25e100,
      -2.5e-100,
      Number.MAX_SAFE_INTEGER,
      this.random.next() * 10 ** this.random.between(-20, 20),
    ]);
  }

  single(): number {
    return this.random.pick([0, 0.1, -1.5, 1e10, 1.5e-30, 3.25e38, 16777216, 0.3333333]);
  }

  digits(count: number): string {
    return Array.from({ length: count }, () => this.random.between(0, 9)).join('');
  }

  decimal(whole: number, fraction: number): Prisma.Decimal {
    const sign = this.random.chance(0.5) ? '-' : '';
    const shape = this.random.pick([
      '0',
      '1.50',
      `${this.digits(this.random.between(1, whole))}`,
      `0.${this.digits(this.random.between(1, fraction))}`,
      `${this.digits(whole)}.${this.digits(fraction)}`,
      '1e10',
    ]);
    return new this.own.Decimal(sign + shape);
  }

  date(): Date {
    return this.random.pick([
      new Date(0),
      new Date('2024-05-28T12:34:56.789Z'),
      new Date('1969-12-31T23:59:59.999Z'),
      new Date('2024-02-29T00:00:00.000Z'),
      new Date('1582-10-04T01:02:03.004Z'),
      new Date('9999-12-31T23:59:59.999Z'),
      new Date(this.random.between(-2_000_000_000, 4_000_000_000) * 1000 + this.random.between(0, 999)),
    ]);
  }

  day(): Date {
    return new Date(`${this.date().toISOString().slice(0, 10)}T00:00:00.000Z`);
  }

  time(): Date {
    return new Date(this.random.pick([0, 1, 43_200_000, 86_399_999, this.random.between(0, 86_399_999)]));
  }

  json(depth = 3): Prisma.InputJsonValue {
    const leaf = (): Prisma.InputJsonValue =>
      this.random.pick<Prisma.InputJsonValue>([0, -1.5, 1e21, true, false, this.text(), 'null', '']);
    if (depth === 0 || this.random.chance(0.3)) return leaf();
    if (this.random.chance(0.4)) return this.random.list(4, () => this.json(depth - 1));
    // An object with a key `$type` is no value to Prisma 7, but a tag of its own: it throws.
    const key = (): string => this.text(8).replace(/^(\$type)?$/, 'key');
    return Object.fromEntries(this.random.list(4, () => [key(), this.json(depth - 1)]));
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.random.bytes(this.random.pick([0, 1, 2, 3, 255])));
  }

  uuid(): string {
    const hex = this.random.bytes(16).toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  private optional<T>(make: () => T): T | null {
    return this.random.chance(0.3) ? null : make();
  }

  row(): Prisma.EverythingUncheckedCreateInput {
    const { random } = this;
    const list = <T>(make: () => T): T[] => random.list(4, make);
    return {
      uid: this.uuid(),
      small: this.optional(() => this.int(16)),
      whole: this.int(32),
      wholeOpt: this.optional(() => this.int(32)),
      objectId: this.optional(() => random.between(0, 2 ** 31 - 1)),
      big: this.bigint(),
      bigOpt: this.optional(() => this.bigint()),
      double: this.float(),
      single: this.optional(() => this.single()),
      exact: this.decimal(30, 30),
      exactOpt: this.optional(() => this.decimal(35, 30)),
      // Prisma's own adapter reads only amounts without sign and grouping.
      price: this.optional(() => new this.own.Decimal(`${random.between(0, 999)}.${this.digits(2)}`)),
      text: random.chance(0.05) ? this.text().repeat(2000) : this.text(),
      varchar: this.optional(() => this.text(100)),
      fixed: this.optional(() => random.pick(['', 'a', 'ab c', 'abcde', 'é日'])),
      xml: this.optional(() => random.pick(['<a/>', '<a b="1">text &amp; more</a>'])),
      address: this.optional(() => random.pick(['10.0.0.1', '10.1.0.0/16', '::1', '2001:db8::/32'])),
      bits: this.optional(() => random.pick(['0000', '1010'])),
      varbits: this.optional(() => random.pick(['', '1', '1010101010'])),
      flag: random.chance(0.5),
      flagOpt: this.optional(() => random.chance(0.5)),
      at: this.date(),
      at6: this.optional(() => this.date()),
      atZone: this.optional(() => this.date()),
      day: this.optional(() => this.day()),
      time: this.optional(() => this.time()),
      timeZone: this.optional(() => this.time()),
      json: random.chance(0.1) ? this.own.JsonNull : this.json(),
      jsonText: random.chance(0.3) ? this.own.DbNull : this.json(),
      bytes: this.bytes(),
      bytesOpt: this.optional(() => this.bytes()),
      rank: random.pick(['BASIC', 'GOLD']),
      rankOpt: this.optional(() => random.pick(['BASIC', 'GOLD'])),
      wholes: list(() => this.int(32)),
      bigs: list(() => this.bigint()),
      doubles: list(() => this.float()),
      exacts: list(() => this.decimal(35, 30)),
      texts: list(() => this.text()),
      flags: list(() => random.chance(0.5)),
      moments: list(() => this.date()),
      days: list(() => this.day()),
      jsons: list(() => this.json(2)),
      byteses: list(() => this.bytes()),
      ranks: list(() => random.pick(['BASIC', 'GOLD'])),
      uids: list(() => this.uuid()),
    };
  }
}

// The `subscription` header that the official client sends for a model, made from a short definition.

export type PrismaType = 'Int' | 'BigInt' | 'Float' | 'Decimal' | 'String' | 'Boolean' | 'DateTime' | 'Json' | 'Bytes';

export interface ModelField {
  name: string;
  kind: 'scalar' | 'enum' | 'object';
  type: string;
  dbName?: string;
  isList?: boolean;
}

export interface Model {
  modelName: string;
  model: { dbName: string | null; schema?: string | null; fields: ModelField[] };
}

// `fields` maps a field's name to its type, with "[]" for a list and " @column" for a column called otherwise:
// { total: 'Decimal @total_amount', tags: 'String[]' }.
export function defineModel(
  modelName: string,
  dbName: string | null,
  fields: Record<string, string>,
  schema?: string,
): Model {
  return {
    modelName,
    model: {
      dbName,
      ...(schema === undefined ? {} : { schema }),
      fields: Object.entries(fields).map(([name, definition]) => {
        const [type = '', column] = definition.split(' @');
        return {
          name,
          kind: 'scalar',
          type: type.replace('[]', ''),
          ...(column === undefined ? {} : { dbName: column }),
          ...(type.endsWith('[]') ? { isList: true } : {}),
        };
      }),
    },
  };
}

export interface Where {
  name?: string;
  create?: Record<string, unknown>;
  // `before` is for other clients than the official one.
  update?: { after?: Record<string, unknown>; before?: Record<string, unknown> };
  delete?: Record<string, unknown>;
}

// The client writes the JSON's characters as they are, so that those up to U+00FF travel as one Latin-1 byte each. Those
// that it could not send (it throws) are escaped.
export function streamHeaders(
  apiKey: string,
  model: Model,
  { name, where }: { name?: string | undefined; where?: Where | undefined } = {},
): Record<string, string> {
  const withName = name === undefined ? where : { name, ...where };
  const subscription = JSON.stringify({ ...model, where: withName });
  return {
    authorization: `Bearer ${apiKey}`,
    subscription: subscription.replace(
      /[\u007f\u0100-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
    stream: JSON.stringify({ name }),
    'prisma-client-version': '6.19.3',
  };
}

import type { JsonSchema } from '@orrery/core';

/** The media type of Swagger 2 in protobuf. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** Whether a client asks for that, as kubectl does, which then reads nothing else; by its old name, too, which is no media type. */
export const wantsOpenApiV2Protobuf = (accept: string): boolean => /application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf/.test(accept);

// The document of Swagger 2 in the protobuf of github.com/google/gnostic (openapiv2/OpenAPIv2.proto), whose field numbers these are. Written here and nowhere read.

const DOCUMENT = { swagger: 1, info: 2, definitions: 9 } as const;
const TEXTS: Readonly<Record<string, number>> = { $ref: 1, format: 2, title: 3, description: 4, pattern: 13 };
const FRACTIONS: Readonly<Record<string, number>> = { multipleOf: 6, maximum: 7, minimum: 9 };
const INTEGERS: Readonly<Record<string, number>> = { maxLength: 11, minLength: 12, maxItems: 14, minItems: 15, maxProperties: 17, minProperties: 18 };
const FLAGS: Readonly<Record<string, number>> = { exclusiveMaximum: 8, exclusiveMinimum: 10, uniqueItems: 16 };
const [DEFAULT, REQUIRED, ENUM, ADDITIONAL, TYPE, ITEMS, ALL_OF, PROPERTIES, EXTENSION] = [5, 19, 20, 21, 22, 23, 24, 25, 31];

/** A document of Swagger 2 in protobuf: its definitions, which is what clients validate with. Paths are left out. */
export function openApiV2Protobuf({ info, definitions }: { readonly info: { readonly title: string; readonly version: string }; readonly definitions: Readonly<Record<string, JsonSchema>> }): Buffer {
  const about = [text(1, info.title), text(2, info.version)];
  return Buffer.concat([text(DOCUMENT.swagger, '2.0'), message(DOCUMENT.info, about), message(DOCUMENT.definitions, named(definitions))]);
}

const named = (schemas: Readonly<Record<string, JsonSchema>>): Buffer[] => Object.entries(schemas).map(([name, schema]) => message(1, [text(1, name), message(2, schemaOf(schema))]));

function schemaOf(schema: JsonSchema): Buffer[] {
  return Object.entries(schema).flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (key in TEXTS) return [text(TEXTS[key] as number, String(value))];
    if (key in FRACTIONS) return [fraction(FRACTIONS[key] as number, Number(value))];
    if (key in INTEGERS) return [integer(INTEGERS[key] as number, Number(value))];
    if (key in FLAGS) return value === true ? [integer(FLAGS[key] as number, 1)] : [];
    return structure(key, value);
  });
}

function structure(key: string, value: unknown): Buffer[] {
  switch (key) {
    case 'type':
      return [message(TYPE, [text(1, String(value))])];
    case 'required':
      return (value as readonly string[]).map((name) => text(REQUIRED, name));
    case 'enum':
      return (value as readonly unknown[]).map((one) => message(ENUM, any(one)));
    case 'default':
      return [message(DEFAULT, any(value))];
    case 'items':
      return [message(ITEMS, [message(1, schemaOf(value as JsonSchema))])];
    case 'allOf':
      return (value as readonly JsonSchema[]).map((one) => message(ALL_OF, schemaOf(one)));
    case 'properties':
      return [message(PROPERTIES, named(value as Readonly<Record<string, JsonSchema>>))];
    case 'additionalProperties':
      return [message(ADDITIONAL, typeof value === 'boolean' ? [integer(2, Number(value))] : [message(1, schemaOf(value as JsonSchema))])];
    default:
      // Other words of schemas mean nothing to Swagger 2.
      return key.startsWith('x-') ? [message(EXTENSION, [text(1, key), message(2, any(value))])] : [];
  }
}

/** Anything, as YAML, which JSON is. */
const any = (value: unknown): Buffer[] => [text(2, JSON.stringify(value))];

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    bytes.push((left % 128) + (left > 127 ? 128 : 0));
    if (left <= 127) return Buffer.from(bytes);
  }
}

const message = (number: number, parts: readonly Buffer[]): Buffer => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([varint(number * 8 + 2), varint(length), ...parts]);
};

const text = (number: number, value: string): Buffer => message(number, [Buffer.from(value)]);

const integer = (number: number, value: number): Buffer => Buffer.concat([varint(number * 8), varint(Math.max(0, Math.trunc(value)))]);

function fraction(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([varint(number * 8 + 1), bytes]);
}

/** The schema of a body in openapi.yaml. */
interface Schema {
  type?: string | readonly string[];
  required?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  oneOf?: readonly Schema[];
}

/** The schema of a body without alternatives. */
export type WithoutAlternatives<Field> = { properties: Readonly<Record<string, Field>> } & (
  | { required?: readonly string[]; if?: object; else?: undefined }
  | { required?: undefined; if: { required: readonly [string] }; else: { required: readonly string[] } }
);

/**
 * Rewrites the `oneOf` of a body and of its fields, for which Ajv would report the errors of all alternatives at once:
 *
 * - A body that has the first required field of the first alternative is checked against that one, and any other body
 *   against the second.
 * - A field is checked against its first notation, to which `bodyNormaliser` converts the others.
 */
export function withoutAlternatives(schema: object): object {
  const { oneOf, ...body }: Schema = schema;
  if (oneOf === undefined) return withFirstNotations(body);
  const [first = {}, second = {}] = oneOf.map(withFirstNotations);
  const [selector = ''] = first.required ?? [];
  return {
    ...body,
    type: 'object',
    properties: { ...second.properties, ...first.properties },
    dependentSchemas: { [selector]: first },
    if: { required: [selector], properties: { [selector]: true } },
    else: second,
  };
}

function withFirstNotations(body: Schema): Schema {
  const fields = Object.entries(body.properties ?? {}).map(([name, field]) => [name, firstNotation(field)]);
  return { ...body, properties: Object.fromEntries(fields) };
}

function firstNotation({ oneOf, ...field }: Schema): Schema {
  if (oneOf === undefined) return field;
  const [first = {}] = oneOf;
  const types = oneOf.map(({ type }) => type).filter((type) => typeof type === 'string');
  return { ...field, ...first, type: types.filter((type) => type === first.type || type === 'null') };
}

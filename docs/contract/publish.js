// @ts-check
/**
 * Plugin of Redocly CLI that prepares the contract for partners, whose clients are generated from it: it allows the values
 * and members that later versions may add (`x-extensible`), and removes what only this project uses. Members of responses
 * that never occur (`false`) are removed as well, because few generators know such schemas. Instead, the response lists the
 * members of all its alternatives, so that typed clients can read each.
 */

/** Extensions of openapi.yaml that mean nothing to partners. */
const ownExtensions = [
  'x-callable',
  'x-past',
  'x-future',
  'x-after-call',
  'x-max-days',
  'x-error-message',
  'x-extensible',
  'x-max-bytes',
  'x-max-depth',
  'x-request',
  'x-test-numbers',
  'x-validated-apart',
];

/** @param {Record<string, unknown>} node */
function removeOwnExtensions(node) {
  for (const name of ownExtensions) delete node[name];
}

/** Allows further values of an enum, or further members of an object. @param {Record<string, unknown>} schema */
function extend(schema) {
  if (schema['x-extensible'] !== true) return;
  if (schema['enum'] === undefined) {
    delete schema['additionalProperties'];
  } else {
    schema['anyOf'] = [{ type: schema['type'], enum: schema['enum'] }, { type: schema['type'] }];
    delete schema['type'];
    delete schema['enum'];
  }
}

/**
 * Describes a member of several alternatives. If it is true in some and false in others, the description states what each
 * means.
 *
 * @param {Record<string, any>[]} variants the schemas of the member
 */
function describe(variants) {
  const ofEach = variants.map(({ const: value, description }) =>
    typeof value === 'boolean' && variants.some((other) => other['const'] === !value)
      ? `\`${value}\`: ${description}`
      : description,
  );
  return [...new Set(ofEach)].join(' ');
}

/**
 * Lists the members of all alternatives, with their JSON types and descriptions.
 *
 * @param {Record<string, any>} schema
 * @param {{ resolve: (node: object) => { node: Record<string, any> } }} context
 */
function listMembers(schema, { resolve }) {
  const alternatives = (schema['oneOf'] ?? []).map((/** @type {object} */ each) => resolve(each).node);
  const members = alternatives.flatMap((/** @type {Record<string, any>} */ { properties = {} }) =>
    Object.entries(properties),
  );
  if (!members.some((/** @type {[string, unknown]} */ [, member]) => member === false)) return;
  schema['type'] = 'object';
  schema['properties'] = {};
  const present = members.filter((/** @type {[string, unknown]} */ [, member]) => member !== false);
  for (const [name, group] of Map.groupBy(present, (/** @type {[string, object]} */ [name]) => name)) {
    const variants = group.map((/** @type {[string, object]} */ [, member]) => resolve(member).node);
    schema['properties'][name] = { type: variants[0]?.['type'], description: describe(variants) };
  }
}

/** @param {Record<string, any>} schema */
function removeAbsentMembers({ properties = {} }) {
  for (const [name, member] of Object.entries(properties)) if (member === false) delete properties[name];
}

export default function plugin() {
  return {
    id: 'leads',
    decorators: {
      oas3: {
        publish: () => ({
          Root: {
            /** @param {Record<string, unknown>} root */
            leave(root) {
              if (Object.keys(Object(root['webhooks'])).length === 0) delete root['webhooks'];
              removeOwnExtensions(root);
            },
          },
          Example: { leave: removeOwnExtensions },
          RequestBody: { leave: removeOwnExtensions },
          Schema: {
            enter: listMembers,
            /** @param {Record<string, unknown>} schema */
            leave(schema) {
              if (typeof schema !== 'object') return;
              removeAbsentMembers(schema);
              extend(schema);
              removeOwnExtensions(schema);
            },
          },
        }),
      },
    },
  };
}

import { type BodySchema, type FieldSchema, takes } from './document.ts';

/** Whether a value says nothing: absent, null, or no text but white space. */
export function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

/**
 * Makes plain what the contract lets partners write in more than one way: in a field that may be
 * null any blank counts as absent, and in one that may be an integer a string of digits is that
 * integer. The result is the body itself where there is nothing to make plain.
 */
export function plainBody(schema: BodySchema): (sent: object) => object {
  const fields = Object.entries(schema.properties).filter(
    ([, field]) => takes(field, 'null') || takes(field, 'integer'),
  );
  return (sent) => {
    // The cast: an object's members can be read by any name.
    const written = sent as Record<string, unknown>;
    let plain = written;
    for (const [name, field] of fields) {
      const value = written[name];
      const meant = meaning(value, field);
      if (meant === value) continue;
      if (plain === written) plain = { ...written };
      if (meant === undefined) delete plain[name];
      else plain[name] = meant;
    }
    return plain;
  };
}

function meaning(value: unknown, field: FieldSchema): unknown {
  if (takes(field, 'null') && isBlank(value)) return undefined;
  if (!takes(field, 'integer')) return value;
  if (typeof value === 'string' && /^[0-9]+$/.test(value)) return finite(Number(value));
  return typeof value === 'number' ? finite(value) : value;
}

/** A number that JSON can write and a double cannot hold becomes the nearest one that is still an integer. */
function finite(value: number): number {
  return Math.abs(value) === Number.POSITIVE_INFINITY ? Math.sign(value) * Number.MAX_SAFE_INTEGER : value;
}

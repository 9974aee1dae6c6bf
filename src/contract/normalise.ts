import { isInvisible } from '../text/visible.ts';
import { type BodySchema, takes } from './document.ts';

/** Whether a value is missing, null, or a text of which nothing can be seen. */
export function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && isInvisible(value));
}

/**
 * Normalises what the contract lets partners write in more than one way: a blank field is treated as missing if it is
 * required or may be null, and in a field that may be an integer a string of digits is that integer. Returns the body
 * itself if there is nothing to normalise.
 */
export function normaliseBody(schema: BodySchema): (sent: object) => object {
  const fields = Object.entries(schema.properties)
    .map(([name, field]) => {
      const isRequired = schema.required?.includes(name) ?? false;
      return { name, mayBeBlank: isRequired || takes(field, 'null'), isInteger: takes(field, 'integer') };
    })
    .filter(({ mayBeBlank, isInteger }) => mayBeBlank || isInteger);
  return (sent) => {
    // The cast: an object's members can be read by any name.
    const written = sent as Record<string, unknown>;
    let plain = written;
    for (const field of fields) {
      const { name } = field;
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

/** What the contract says of a field that can be written in more than one way. */
interface LooseField {
  name: string;
  /** Whether a blank value is treated as missing. */
  mayBeBlank: boolean;
  isInteger: boolean;
}

function meaning(value: unknown, { mayBeBlank, isInteger }: LooseField): unknown {
  if (mayBeBlank && isBlank(value)) return undefined;
  if (!isInteger) return value;
  if (typeof value === 'string' && /^[0-9]+$/.test(value)) return finite(Number(value));
  return typeof value === 'number' ? finite(value) : value;
}

/** A number that JSON can write and a double cannot hold becomes the nearest one that is still an integer. */
function finite(value: number): number {
  return Math.abs(value) === Number.POSITIVE_INFINITY ? Math.sign(value) * Number.MAX_SAFE_INTEGER : value;
}

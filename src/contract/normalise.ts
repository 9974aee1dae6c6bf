import { isBlank } from '../text/visible.ts';
import { allowsType, type BodySchema } from './contract.ts';

/**
 * Returns a function that normalises a body: it removes blank fields that are required or may be null, and converts
 * strings of digits in fields that may be integers, and `"true"` and `"false"` in fields that may be booleans. A body
 * that needs no change is returned as it is.
 */
export function bodyNormaliser(schema: BodySchema): (body: object) => object {
  const rules = Object.entries(schema.properties)
    .map(([name, field]) => {
      const isRequired = schema.required.includes(name);
      return {
        name,
        mayBeBlank: isRequired || allowsType(field, 'null'),
        isInteger: allowsType(field, 'integer'),
        isBoolean: allowsType(field, 'boolean'),
      };
    })
    .filter(({ mayBeBlank, isInteger, isBoolean }) => mayBeBlank || isInteger || isBoolean);
  return (body) => {
    // The cast: an object's members can be read by any name.
    const original = body as Record<string, unknown>;
    let normalised = original;
    for (const rule of rules) {
      const { name } = rule;
      const value = original[name];
      const normalisedValue = normaliseValue(value, rule);
      if (normalisedValue === value) continue;
      if (normalised === original) normalised = { ...original };
      if (normalisedValue === undefined) delete normalised[name];
      else normalised[name] = normalisedValue;
    }
    return normalised;
  };
}

/** How a field is normalised. */
interface FieldRule {
  name: string;
  /** Whether a blank value is treated as missing. */
  mayBeBlank: boolean;
  isInteger: boolean;
  isBoolean: boolean;
}

function normaliseValue(value: unknown, { mayBeBlank, isInteger, isBoolean }: FieldRule): unknown {
  if (mayBeBlank && isBlank(value)) return undefined;
  if (isBoolean && (value === 'true' || value === 'false')) return value === 'true';
  if (!isInteger) return value;
  if (typeof value === 'string' && /^[0-9]+$/.test(value)) return clampToInteger(Number(value));
  return typeof value === 'number' ? clampToInteger(value) : value;
}

/** Replaces infinity (the value of too large a number) by the largest integer, so that the error is about its size. */
function clampToInteger(value: number): number {
  return Math.abs(value) === Number.POSITIVE_INFINITY ? Math.sign(value) * Number.MAX_SAFE_INTEGER : value;
}

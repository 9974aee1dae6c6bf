import { numberForms, phoneDigits } from '../../../leads/phone.ts';

/**
 * Returns the forms in which VICIdial may have a number: DIALLER_NUMBERS may have been changed since the lead was
 * added.
 *
 * @param mobile E.164
 */
export function storedForms(mobile: string): string[] {
  return [...new Set(numberForms.map((form) => phoneDigits(mobile, form).digits))];
}

import { Option } from 'commander';

/** Whether leads of a type must contain the person's consent. */
export type Consent = (typeof choices)[number];

const choices = ['required', 'optional'] as const;

/** Returns the option `--consent`. */
export function consentOption(): Option {
  return new Option(
    '--consent <rule>',
    'whether partners must send `consent_text` and `consent_at` with each lead',
  ).choices(choices);
}

import { createRequire } from 'node:module';

export type { CountryCode } from 'libphonenumber-js/min';

const require = createRequire(import.meta.url);

/**
 * libphonenumber-js. It has a hundred modules, which are loaded in 20 milliseconds where they are required, and in
 * twice as many where they are imported.
 */
const library: typeof import('libphonenumber-js/min') = require('libphonenumber-js/min');

export const { isSupportedCountry, Metadata, parsePhoneNumberFromString } = library;

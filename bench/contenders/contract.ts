import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The contract with all references resolved. */
export const contractFile = fileURLToPath(new URL('../../generated/openapi.json', import.meta.url));

const contract = JSON.parse(readFileSync(contractFile, 'utf8'));

/** The schema of what adds a lead. */
export const bodySchema: object =
  contract.paths['/lead/add'].post.requestBody.content['application/json'].schema;

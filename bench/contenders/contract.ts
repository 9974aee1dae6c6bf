import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of the dereferenced contract. */
export const contractFile = fileURLToPath(new URL('../../generated/openapi.json', import.meta.url));

const contract = JSON.parse(readFileSync(contractFile, 'utf8'));

/** Body schema of addLead. */
export const bodySchema: object =
  contract.paths['/lead/add'].post.requestBody.content['application/json'].schema;

/** A question that cannot be read must say so: `"found": false` would be taken for the truth. */
import { bringsEveryExample } from '../../harness/examples.ts';

bringsEveryExample('leadStatus', 400);

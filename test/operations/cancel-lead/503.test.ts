/** When more waits than can be held, an honest "later" beats a queue that grows until all is lost. */
import { boundsItsQueue } from '../shared/503.ts';

boundsItsQueue('cancelLead');

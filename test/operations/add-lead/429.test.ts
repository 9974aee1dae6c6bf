/** One partner's burst must not fill the queue that all partners wait in. */
import { boundsEachKey, limitsRates } from '../shared/429.ts';

boundsEachKey('addLead');
limitsRates('addLead');

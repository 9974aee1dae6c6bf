/** Two requests with one idempotency key must not run side by side. */
import { refusesWhileUnderWay } from '../shared/409.ts';

refusesWhileUnderWay('addLead');

/** An idempotency key stands for one request, and its answer for that request alone. */
import { refusesKeysUsedOtherwise } from '../shared/422.ts';

refusesKeysUsedOtherwise('addLead');

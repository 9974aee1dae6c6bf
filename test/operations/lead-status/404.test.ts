/** An address that is almost right must not look like a lead that was not found. */
import { knowsItsAddress } from '../shared/404.ts';

knowsItsAddress('leadStatus');

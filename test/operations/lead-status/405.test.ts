/** A redirect that turns POST into GET is the usual cause; the answer must tell it from a wrong address. */
import { knowsItsMethod } from '../shared/405.ts';

knowsItsMethod('leadStatus');

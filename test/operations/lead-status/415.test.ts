/** Most HTTP libraries send a form unless told otherwise; that must not look like broken JSON. */
import { takesOnlyJson } from '../shared/415.ts';

takesOnlyJson('leadStatus');

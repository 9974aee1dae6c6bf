/**
 * Loads the diallers before the tests. Otherwise a test that loads one would seem to cover its constants, which are
 * evaluated once, so that no mutant of them can be activated.
 */
import '../../src/delivery/diallers/log.ts';
import '../../src/delivery/diallers/vicidial/vicidial.ts';
import '../../src/delivery/diallers/webhook.ts';

import type { Dialler } from '../../../src/delivery/dialler.ts';
import { createVicidial } from '../../../src/delivery/diallers/vicidial/vicidial.ts';
import { phoneParsers } from '../../../src/leads/phone.ts';
import { dispatch, limits, untilAll } from '../../harness/dispatch.ts';
import { startReceiver } from '../../harness/receiver.ts';
import { VicidialStandIn } from '../../harness/vicidial.ts';
import { openStore, seeded } from '../../store/stores.ts';

export const john = {
  email: 'john.doe@test.com',
  first_name: 'John',
  surname: 'Doe',
  mobile: '07840258823',
  type: 'motor',
};

/** John's number, as the store has it. */
export const johnsMobile = '+447840258823';

export const settings = {
  DIALLER_USER: 'leadsapi',
  DIALLER_PASSWORD: 'correct horse',
  DIALLER_LISTS: '{"motor": {"list": 1001, "campaign": "MOTOR", "hopper_priority": 50}}',
};

/** Creates a dialler connected to a stand-in. */
export function diallerAt(url: string, changes: Record<string, string> = {}): Dialler {
  return createVicidial(
    { DIALLER_URL: url, ...settings, ...changes },
    { parsePhone: phoneParsers('GB').parse, ...limits },
  );
}

/** Starts a VICIdial stand-in and a dialler connected to it. */
export async function startVicidial(changes: Record<string, string> = {}) {
  const vicidial = new VicidialStandIn();
  const receiver = await startReceiver(vicidial.behave);
  return { vicidial, receiver, dialler: diallerAt(receiver.url, changes) };
}

/** Creates a store with a due lead of John. */
export async function withLead(submitted: object = {}, open = openStore) {
  const { store, first, from } = await seeded(open());
  const content = (more: object) => JSON.stringify({ ...john, ...more });
  await store.submit(from(first.id, { content: content(submitted) }));
  return { store, first, from, content };
}

/** Delivers a lead of John, and returns what VICIdial has stored. */
export async function deliver(
  submitted: object,
  changes: Record<string, string> = {},
  prepare: (vicidial: VicidialStandIn) => void = () => {},
) {
  const { vicidial, dialler } = await startVicidial(changes);
  prepare(vicidial);
  const { store } = await withLead(submitted);
  dispatch(store, dialler);
  const [lead] = await untilAll(store, 'dialled', 'failed');
  const [attempt] = await Array.fromAsync(store.attempts(johnsMobile));
  const [stored] = vicidial.leads;
  return { vicidial, lead, response: attempt?.response, stored, form: vicidial.forms[0] ?? {} };
}

import { Command } from 'commander';
import { checkDialler } from '../app/dialler-check.ts';
import { resultUrls } from '../app/result-urls.ts';
import { urlOf } from '../app/url.ts';
import type { ResultList } from '../delivery/dialler.ts';
import { UserError } from '../errors/user-error.ts';
import { defineAction } from './action.ts';
import { wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';

const checkMembers = {
  check: 'what was checked',
  type: 'name of the lead type that it concerns; null: all types',
  subtype: 'sub-type that it concerns; null: all that have no settings of their own',
  result: '`ok`, `problem`, or `unchecked`: check it yourself',
  details: 'what is wrong and where to fix it, or what was found',
};

type Check = NonNullable<Awaited<ReturnType<typeof checkDialler>>>[number];

const view: View<Check, keyof typeof checkMembers> = {
  columns: {
    CHECK: ({ subject }) => subject,
    TYPE: ({ type, subtype }) => [type ?? '(all)', subtype].filter(Boolean).join(' / '),
    RESULT: ({ result }) => result,
    DETAILS: ({ details }) => details,
  },
  json: ({ subject, type, subtype, result, details }) => ({
    check: subject,
    type: type ?? null,
    subtype: subtype ?? null,
    result,
    details,
  }),
};

/** `leads dialler`: the system that calls people. */
export function diallerCommand(context: CommandContext): Command {
  return new Command('dialler')
    .description('check the dialler to which leads are delivered, and connect its results')
    .addCommand(checkCommand(context))
    .addCommand(resultUrlCommand(context));
}

function checkCommand(context: CommandContext): Command {
  const command = new Command('check')
    .description(
      'check the set-up of the dialler in DIALLER with requests that change nothing there; run it with the\nenvironment of a server. Exits with 1 if there is a problem',
    )
    .addOption(wideOption());
  return defineAction(command, context, checkMembers, async ({ store, output }) => {
    const dialler = await context.dialler();
    if (dialler === undefined) throw new UserError('No dialler is configured (DIALLER=none). Set DIALLER.');
    const checks = await checkDialler(dialler, store);
    if (checks === undefined)
      throw new UserError(`The set-up of the dialler ${dialler.name} cannot be checked.`);
    await output.list(checks, view, 'Nothing was checked.');
    const problems = checks.filter(({ result }) => result === 'problem').length;
    if (problems > 0)
      throw new UserError(`Problems found: ${problems}. Fix them, then run \`leads dialler check\` again.`);
  });
}

const resultUrlMembers = {
  list: 'id of the list in VICIdial',
  types: 'names of the lead types whose results the URLs can report',
  dispo_call_url: 'Dispo Call URL, for calls that reached an agent',
  no_agent_call_url: 'No-Agent Call URL, for calls that did not',
};

/** `leads dialler result-url`: prints the URLs under which VICIdial reports the results of calls. */
function resultUrlCommand(context: CommandContext): Command {
  const command = new Command('result-url')
    .description(
      'print the URLs to enter in VICIdial, so that it reports the results of calls; run it with the\nenvironment of a server. The URLs contain a secret of each list',
    )
    .argument('[type]', 'only the lists of this lead type; default: all lists');
  return defineAction(
    command,
    context,
    resultUrlMembers,
    async ({ output, note }, _options: object, [type]: [string | undefined]) => {
      const lists = await chosenLists(context, type);
      const { base, secret, isOwnUrl } = await resultEndpoint(context);
      if (isOwnUrl)
        note(`The URLs begin with ${base}. Set RESULTS_URL if VICIdial reaches the port at another one.`);
      for (const [index, list] of lists.entries()) {
        const urls = resultUrls(base, secret, list);
        if (output.isJson) {
          await output.value({
            list: urls.list,
            types: urls.types,
            dispo_call_url: urls.dispoCallUrl,
            no_agent_call_url: urls.noAgentCallUrl,
          });
          continue;
        }
        if (index > 0) await output.gap();
        await output.text(`List ${urls.list} (${urls.types.join(', ')})`);
        await output.text('Dispo Call URL:');
        await output.text(urls.dispoCallUrl);
        await output.text('No-Agent Call URL:');
        await output.text(urls.noAgentCallUrl);
      }
    },
  );
}

/** Returns the lists of VICIdial, or those of a type. @throws {UserError} if there are none */
async function chosenLists(context: CommandContext, type: string | undefined): Promise<ResultList[]> {
  const lists = (await context.dialler())?.lists;
  if (lists === undefined)
    throw new UserError('Only VICIdial reports results under URLs. Set DIALLER=vicidial and its variables.');
  const chosen = lists.filter(({ types }) => type === undefined || types.includes(type));
  if (chosen.length > 0) return chosen;
  throw new UserError(`DIALLER_LISTS has no list for lead type ${JSON.stringify(type)}. Add it.`);
}

/** Returns where VICIdial reports results. @throws {UserError} if none are received */
async function resultEndpoint(context: CommandContext) {
  const results = await context.results();
  if (results === undefined)
    throw new UserError(
      'RESULTS_PORT is off in the environment of this command. Set RESULTS_PORT and RESULTS_SECRET as for the server that receives results.',
    );
  const { url, secrets } = results;
  return { base: url ?? urlOf(results), secret: secrets[0], isOwnUrl: url === undefined };
}

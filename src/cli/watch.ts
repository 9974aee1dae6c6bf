import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { ActivityCursor } from '../store/watch.ts';
import { nameCommands } from '../text/command-name.ts';
import { printableJson } from '../text/terminal.ts';
import { defineAction, type Session } from './action.ts';
import type { CommandContext } from './context.ts';
import { isTerminal } from './is-terminal.ts';
import { terminalSize } from './output.ts';
import { formatScreen } from './watch-screen.ts';
import { ActivityHistory, formatLine, toJson, watchMembers } from './watch-view.ts';

/** Time between two refreshes (ms). */
const refreshInterval = 1_000;

/** `leads watch`: displays intake, delivery and due leads as they change. */
export function watchCommand(context: CommandContext): Command {
  const command = new Command('watch').description(
    'display intake, delivery and due leads, refreshed every second until Ctrl-C.\nIf the output is not a terminal, print one line per second',
  );
  return defineAction(command, context, watchMembers, (session) =>
    untilStopped(context.out, (signal) => watch(session, context, signal)),
  );
}

async function watch(
  { store, output }: Session<string>,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const display = await createDisplay(context, output.isJson);
  const history = new ActivityHistory();
  let cursor: ActivityCursor | undefined;
  while (!signal.aborted) {
    const activity = await store.activity(cursor);
    history.add(activity, await store.leadStats(), await store.pauses(), Date.now(), cursor === undefined);
    cursor = activity.cursor;
    display.update(history);
    // The signal ends the sleep with an error; the loop's condition then ends the watch.
    await sleep(refreshInterval, undefined, { signal }).catch(() => {});
  }
  display.end();
}

interface Display {
  update(history: ActivityHistory): void;
  end(): void;
}

/** Creates a screen that is redrawn in a terminal, otherwise lines. */
async function createDisplay({ out, commandName }: CommandContext, isJson: boolean): Promise<Display> {
  if (isJson || !isTerminal(out)) {
    const format = isJson ? (history: ActivityHistory) => printableJson(toJson(history)) : formatLine;
    return { update: (history) => void out.write(`${format(history)}\n`), end: () => {} };
  }
  // Loaded here, because loading it takes as long as most other commands run.
  const { createLogUpdate } = await import('log-update');
  const redraw = createLogUpdate(out);
  const format = (history: ActivityHistory) =>
    nameCommands(formatScreen(history, terminalSize(out)), commandName);
  return { update: (history) => redraw(format(history)), end: () => redraw.done() };
}

/** Runs until Ctrl-C or until the reader closes the output, neither of which is an error. */
async function untilStopped(
  out: CommandContext['out'],
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.on('SIGINT', stop).on('SIGTERM', stop);
  out.once('error', stop);
  try {
    await work(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { createLogUpdate } from 'log-update';
import type { ActivityCursor } from '../store/watch.ts';
import { printableJson } from '../text/terminal.ts';
import { action, type CommandContext, type Session } from './session.ts';
import { asJson, asLine, asScreen, History } from './watch-view.ts';

/** The pause between two looks, in milliseconds. */
const pause = 1_000;

/** `leads watch`: what comes in, what goes out, and what waits, as it happens. */
export function watchCommand(context: CommandContext): Command {
  const watch = new Command('watch').description(
    'show what comes in, what is handed over and what waits, every second until Ctrl-C;\na line each time where the output is no terminal',
  );
  action<{ json?: boolean }, []>(watch, context, (session, { json = false }) =>
    untilStopped(context.out, (signal) => lookOn(session, context.out, json, signal)),
  );
  return watch;
}

async function lookOn(
  { store }: Session,
  out: CommandContext['out'],
  json: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { show, end } = viewOn(out, json);
  const history = new History();
  let cursor: ActivityCursor | undefined;
  while (!signal.aborted) {
    const activity = await store.activity(cursor);
    history.add(activity, await store.workload(), await store.pauses(), Date.now(), cursor === undefined);
    cursor = activity.cursor;
    show(history);
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
  end();
}

function viewOn(out: CommandContext['out'], json: boolean): { show(history: History): void; end(): void } {
  if (json || !('isTTY' in out && out.isTTY)) {
    const written = json ? (history: History) => printableJson(asJson(history)) : asLine;
    return { show: (history) => void out.write(`${written(history)}\n`), end: () => {} };
  }
  const redraw = createLogUpdate(out);
  return { show: (history) => redraw(asScreen(history)), end: () => redraw.done() };
}

/** Ctrl-C, or who reads the output and has had enough of it, is how a watch ends, and no failure. */
async function untilStopped(
  out: CommandContext['out'],
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.on('SIGINT', stop).on('SIGTERM', stop);
  out.once('error', stop);
  try {
    await work(stopping.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

import type { Writable } from 'node:stream';
import { type Command, InvalidArgumentError } from 'commander';
import type { ParsePhone } from '../leads/phone.ts';
import type { Store } from '../store/store.ts';
import { printable } from '../text/terminal.ts';
import { Output } from './output.ts';

/** What a command works with. */
export interface Session {
  store: Store;
  parsePhone: ParsePhone;
  /** How late a lead may be rung, in milliseconds; undefined for however late. */
  dialWithin: number | undefined;
  output: Output;
  /** Says something beside the output, on standard error. */
  remark(sentence: string): void;
}

/** How the commands come by a store: it is opened when one runs, not when its help is read. */
export interface CommandContext {
  open(): Promise<{ store: Store; parsePhone: ParsePhone; dialWithin: number | undefined }>;
  /** The URL of the store that an argument names. @throws {UserError} if it names none, or contains a password */
  storeUrl(argument: string): string;
  /** A store by its URL, for commands that work on several. */
  openUrl(url: string): Promise<Store>;
  /** Repairs the store that `open` refuses. */
  repair(): Promise<void>;
  out: Writable;
  err: Writable;
}

/** Defines what a command does that opens its stores itself. */
export function withOutput<Arguments extends string[]>(
  command: Command,
  context: CommandContext,
  run: (output: Output, ...parameters: Arguments) => Promise<void>,
): void {
  command.option('--json', 'for scripts: one JSON value, or one a line for a list');
  command.action(async (...received: unknown[]) => {
    // The casts: Commander gives what the command's own definition, just beside the call, asks for.
    const parameters = received.slice(0, -2) as Arguments;
    const options = received.at(-2) as { json?: boolean };
    await run(new Output(context.out, options.json ?? false), ...parameters);
  });
}

/** Defines what a command does, with the option that every command has. */
export function action<Options extends object, Arguments extends unknown[]>(
  command: Command,
  context: CommandContext,
  run: (session: Session, options: Options, ...parameters: Arguments) => Promise<void>,
): void {
  command.option('--json', 'for scripts: one JSON value, or one a line for a list');
  command.action(async (...received: unknown[]) => {
    // The casts: Commander gives what the command's own definition, just beside the call, asks for.
    const parameters = received.slice(0, -2) as Arguments;
    const options = received.at(-2) as Options & { json?: boolean };
    const { store, ...more } = await context.open();
    try {
      const output = new Output(context.out, options.json ?? false);
      const remark = (sentence: string) => void context.err.write(`${printable(sentence)}\n`);
      await run({ store, ...more, output, remark }, options, ...parameters);
    } finally {
      await store.close();
    }
  });
}

/** A counting number on the command line. */
export function readCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('It should be a whole number from 1.');
}

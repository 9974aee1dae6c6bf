/** Port that the benchmark assigns. */
export const port = Number(process.env['PORT'] ?? 0);

/** Prints the line that the benchmark waits for. */
export function announce(listening: number): void {
  process.stdout.write(`Listening on http://127.0.0.1:${listening}\n`);
}

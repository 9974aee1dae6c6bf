/** The port that the benchmark has given the contender. */
export const port = Number(process.env['PORT'] ?? 0);

/** Says where the contender listens, as the benchmark waits for it. */
export function announce(listening: number): void {
  process.stdout.write(`Listening on http://127.0.0.1:${listening}\n`);
}

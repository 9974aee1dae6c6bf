/**
 * A flame graph of a server under full load, in docs/performance-flame.svg: what calls what from the bottom up, as wide
 * as its share of the time. Whoever opens the file by itself sees each frame's name and share under the pointer.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore, startServer } from './deployment.ts';
import { load } from './load.ts';

/** One frame of the graph, with all of its calls together. */
interface Frame {
  name: string;
  /** Microseconds, with what it calls. */
  time: number;
  calls: Map<string, Frame>;
}

/** As `node --cpu-prof` writes it. */
interface Profile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
    children?: number[];
  }[];
  samples: number[];
  timeDeltas: number[];
}

/** Seconds that are left out: the start, and what V8 compiles under the first load. */
const warmUp = 6;

const width = 1_200;
const rowHeight = 17;
/** Narrower frames are left out. */
const least = 1;

const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
const store = await sqliteStore();
const server = await startServer(store.url, 'any', {
  NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${directory}`,
});
const seconds = 15;
const wanted = { kind: 'add', key: store.key, seconds, connections: 256 } as const;
await load(server.address, wanted);
await server.stop();
await store.remove();
writeFileSync(
  new URL('../docs/performance-flame.svg', import.meta.url),
  drawn(framesOf(profileOf(directory))),
);
rmSync(directory, { recursive: true, force: true });

/** The profile of the main thread, which is the largest. */
function profileOf(folder: string): Profile {
  const files = readdirSync(folder).map((name) => join(folder, name));
  const [largest] = files.toSorted((one, other) => statSync(other).size - statSync(one).size);
  if (largest === undefined) throw new Error('The server wrote no profile.');
  return JSON.parse(readFileSync(largest, 'utf8'));
}

function framesOf({ nodes, samples, timeDeltas }: Profile): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const root: Frame = { name: 'all', time: 0, calls: new Map() };
  let elapsed = 0;
  for (const [index, sample] of samples.entries()) {
    const time = timeDeltas[index] ?? 0;
    elapsed += time;
    if (elapsed < warmUp * 1e6) continue;
    const names: string[] = [];
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
      const frame = byId.get(id)?.callFrame;
      if (frame !== undefined && frame.functionName !== '(root)') names.push(nameOf(frame));
    }
    if (names.includes('(idle)')) continue;
    let frame = root;
    frame.time += time;
    for (const name of names.toReversed()) {
      const called = frame.calls.get(name) ?? { name, time: 0, calls: new Map() };
      frame.calls.set(name, called);
      called.time += time;
      frame = called;
    }
  }
  return root;
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const file = url.split('/').slice(-2).join('/');
  return file === '' ? functionName : `${functionName || 'anonymous'} ${file}:${lineNumber + 1}`;
}

function drawn(root: Frame): string {
  const boxes: string[] = [];
  let deepest = 0;
  const draw = (frame: Frame, left: number, depth: number) => {
    const wide = (frame.time / root.time) * width;
    if (wide < least) return;
    deepest = Math.max(deepest, depth);
    boxes.push(box(frame, left, wide, depth, frame.time / root.time));
    let at = left;
    for (const called of [...frame.calls.values()].toSorted((one, other) => other.time - one.time)) {
      draw(called, at, depth + 1);
      at += (called.time / root.time) * width;
    }
  };
  draw(root, 0, 0);
  const height = (deepest + 1) * rowHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Flame graph" font-family="ui-monospace, monospace" font-size="11">
<rect width="${width}" height="${height}" fill="#fff"/>
<g transform="translate(0 ${height - rowHeight})">
${boxes.join('\n')}
</g>
</svg>
`;
}

function box({ name }: Frame, left: number, wide: number, depth: number, share: number): string {
  const y = -depth * rowHeight;
  const letters = Math.floor((wide - 6) / 6.7);
  const label = letters < 4 ? '' : escaped(name.length > letters ? `${name.slice(0, letters - 1)}…` : name);
  const text = label && `<text x="${(left + 3).toFixed(1)}" y="${y + 12}" fill="#1b1f24">${label}</text>`;
  return `<g><title>${escaped(name)}: ${(share * 100).toFixed(1)} %</title><rect x="${left.toFixed(1)}" y="${y}" width="${(wide - 0.5).toFixed(1)}" height="${rowHeight - 1}" fill="${colourOf(name)}"/>${text}</g>`;
}

/** Ours are green, SQLite and what is not JavaScript is blue, libraries and Node are grey. */
function colourOf(name: string): string {
  if (/(run|first|all) sqlite\/query|\(program\)|^[a-zA-Z]+$/.test(name)) return '#a8c7ea';
  if (/ (server|contract|operations|leads|partners|store|sqlite|telemetry)\/[a-z-]+\.ts:/.test(name))
    return '#8fd3b2';
  return name === '(garbage collector)' ? '#f0b9a0' : '#d5dae0';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** A bar of the chart. */
export interface Bar {
  name: string;
  does: string;
  rate: { median: number; min: number; max: number };
}

const width = 760;
const left = 150;
const right = 90;
const rowHeight = 44;
const top = 44;

/** Returns an SVG of horizontal bars, each with the range of its rounds, that is readable on light and dark pages. */
export function chart(title: string, bars: readonly Bar[]): string {
  const maximum = Math.max(...bars.map(({ rate }) => rate.max));
  const scale = (width - left - right) / maximum;
  const height = top + bars.length * rowHeight + 8;
  const rows = bars.map((bar, index) => row(bar, top + index * rowHeight, scale));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}" font-family="system-ui, sans-serif">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="12" y="26" font-size="16" font-weight="600" fill="#1b1f24">${escaped(title)}</text>
${rows.join('\n')}
</svg>
`;
}

function row({ name, does, rate }: Bar, y: number, scale: number): string {
  const length = rate.median * scale;
  const fill = name === 'Leads API' ? '#0b6e4f' : '#9aa5b1';
  const middle = y + 11;
  return `<text x="${left - 8}" y="${middle + 4}" font-size="13" text-anchor="end" fill="#1b1f24">${escaped(name)}</text>
<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="22" rx="2" fill="${fill}"/>
<path d="M${(left + rate.min * scale).toFixed(1)} ${middle}H${(left + rate.max * scale).toFixed(1)}" stroke="#1b1f24" stroke-width="1.5"/>
<text x="${(left + Math.max(length, rate.max * scale) + 8).toFixed(1)}" y="${middle + 4}" font-size="13" fill="#1b1f24">${Math.round(rate.median).toLocaleString('en-GB')}</text>
<text x="${left}" y="${y + 35}" font-size="11" fill="#57606a">${escaped(does)}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

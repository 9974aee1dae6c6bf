import type { components } from '../../generated/openapi.ts';
import { Reply } from '../contract/reply.ts';
import type { ReportFigures } from '../leads/report.ts';
import { periodOf } from '../partners/day.ts';
import { readReport } from '../store/read-report.ts';
import type { Reports } from '../store/reports.ts';
import type { Operation } from './operation.ts';

const reply = Reply.of<'leadReport'>();

const serverError = reply(500, 'server-error', { error: 'The server could not prepare the report.' });

/** 429: every report reads all submissions of its period. */
const inProgress = reply(
  429,
  'report-in-progress',
  { error: 'Another report of this partner is in progress.' },
  { 'Retry-After': 1 },
);

/** POST /lead/report: counts the partner's leads of a period, and what became of them. */
export function leadReport(store: Reports): Operation<'leadReport'> {
  const reporting = new Set<number>();
  return {
    async run({ partner, body }) {
      // The contract limits their order and number. A blank value was removed from the body.
      const period = periodOf({ from: timeOf(body.from), to: timeOf(body.to) });
      if (reporting.has(partner.id)) return inProgress;
      reporting.add(partner.id);
      try {
        const by = body.by || 'day';
        const report = await readReport(store, by, { ...period, partner: partner.name });
        return reply(200, 'reported', {
          from: formatDay(period.from),
          to: formatDay(period.before - 1),
          by,
          rows: report.rows.map(({ group, ...figures }) => ({ [by]: group, ...membersOf(figures) })),
          total: membersOf(report.total),
        });
      } finally {
        reporting.delete(partner.id);
      }
    },
    serverError,
  };
}

function timeOf(date: string | null | undefined): number | undefined {
  return date ? Date.parse(date) : undefined;
}

function membersOf(figures: ReportFigures): components['schemas']['ReportFigures'] {
  const { requests, accepted, duplicates, unknownTypes, doNotCall, rejected } = figures;
  const results = Object.entries(figures.results).filter(([, count]) => count > 0);
  return {
    requests,
    accepted,
    duplicates,
    unknown_types: unknownTypes,
    do_not_call: doNotCall,
    rejected,
    ...figures.states,
    results: Object.fromEntries(results),
    median_delivery_seconds: figures.medianDeliveryTime === null ? null : figures.medianDeliveryTime / 1_000,
  };
}

function formatDay(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

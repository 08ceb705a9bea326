import { CliError } from '../cli-error.js';
import type { CommandResult } from '../output/command-result.js';
import { table } from '../output/table.js';
import type { DeliveryResult } from './deliver.js';

type Counts = Record<string, number>;

export interface SendSummary {
  sent: number;
  outcomes: Counts;
  events: { eventId: string | null; outcomes: Counts }[];
}

/** With more deliveries, the text lists only the failed ones and the counts. */
const rowLimit = 50;

/** Summarizes the responses, with a failure if any of them was not 2xx. */
export function toCommandResult(results: readonly DeliveryResult[]): CommandResult {
  const bad = results.filter(({ status }) => !isGood(status));
  const shown = results.length <= rowLimit ? results : bad.slice(0, rowLimit);
  const rows = shown.map(({ eventId, outcome, status, code }) => [eventId, outcome, status, code]);
  const value = summarize(results);
  const sums = `${value.sent} sent: ${describe(value.outcomes)}`;
  const text =
    rows.length === 0 ? sums : `${table(['EVENT', 'OUTCOME', 'STATUS', 'CODE'], rows, '')}\n\n${sums}`;
  if (bad.length === 0) return { value, text };
  const why = count(bad.map(({ status, code }) => [status, code].filter((part) => part !== null).join(' ')));
  return {
    value,
    text,
    failure: new CliError(
      'delivery_refused',
      `${bad.length} of ${results.length} deliveries were not taken: ${describe(why)}`,
      { advice: adviceFor(bad) },
    ),
  };
}

function summarize(results: readonly DeliveryResult[]): SendSummary {
  const byEvent = new Map<string | null, string[]>();
  for (const { eventId, outcome } of results) {
    const outcomes = byEvent.get(eventId);
    if (outcomes === undefined) byEvent.set(eventId, [outcome]);
    else outcomes.push(outcome);
  }
  return {
    sent: results.length,
    outcomes: count(results.map(({ outcome }) => outcome)),
    events: [...byEvent].map(([eventId, outcomes]) => ({ eventId, outcomes: count(outcomes) })),
  };
}

const isGood = (status: number | null) => status !== null && status >= 200 && status < 300;

function count(words: readonly string[]): Counts {
  const counts: Counts = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

const describe = (counts: Counts) =>
  Object.entries(counts)
    .map(([word, times]) => `${times} ${word}`)
    .join(', ');

function adviceFor(bad: readonly DeliveryResult[]): string {
  const codes = new Set(bad.map(({ code }) => code));
  if (codes.has('signature_invalid'))
    return 'check that PUBLIC_BASE_URL is the same here as in the receiver, and whether the endpoint was changed just now';
  if (codes.has('unknown_endpoint'))
    return 'check that the endpoint is enabled, and that the receiver uses this database';
  if (codes.has('malformed')) return 'check what --data changes';
  return "read the receiver's log";
}

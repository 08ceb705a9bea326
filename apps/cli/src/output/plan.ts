import type { ReplayPlan } from '@semel/database/admin';
import { table } from './table.js';

/** Describes the events of a bulk command: how many, of which firms and types, and how old. */
export function describePlan(
  { count, firms, types, oldest }: Omit<ReplayPlan, 'newest'>,
  empty: string,
): string {
  if (count === 0) return empty;
  return [
    `${count} event${count === 1 ? '' : 's'}, the oldest of ${oldest?.toISOString()}`,
    table(
      ['FIRM', 'EVENTS'],
      firms.map(({ firmSlug, count }) => [firmSlug, count]),
      '',
    ),
    table(
      ['PROVIDER', 'TYPE', 'EVENTS'],
      types.map(({ provider, type, count }) => [provider, type, count]),
      '',
    ),
  ].join('\n\n');
}

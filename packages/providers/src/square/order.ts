import type { Order } from '@semel/core';
import type { JsonObject } from '../json.js';
import { nanosOf } from '../time.js';

/**
 * `version` grows with every change. An object without a version ranks below every version and is ordered by its time, then by
 * the step.
 */
export function orderOf({ version, updated_at, created_at }: JsonObject, step: readonly number[]): Order {
  const hasVersion = typeof version === 'number' && Number.isSafeInteger(version) && version >= 0;
  return { rank: hasVersion ? version : 0, timeNs: nanosOf(updated_at) ?? nanosOf(created_at) ?? 0n, step };
}

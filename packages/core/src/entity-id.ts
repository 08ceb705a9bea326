import { createHash } from 'node:crypto';
import type { EntityRef } from './change.js';

/**
 * The row id of a domain object: a UUID (version 8) derived from firm, provider, kind and the provider's id.
 * An event can link to an object that no event has described yet without a query, and two transactions that create the
 * same object at the same time create the same row.
 */
export function entityId(firmId: string, provider: string, ref: EntityRef): string {
  const name = JSON.stringify([firmId, provider, ref.entity, ref.externalId]);
  const hex = createHash('sha256').update(name).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}

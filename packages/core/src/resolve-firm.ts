import type { QuarantineReason } from './errors.js';
import type { AcceptPorts, Endpoint } from './ports.js';

/** Finds the firm of an event. A firm's endpoint serves that firm alone; a platform endpoint is routed by account. */
export function resolveFirm(
  ports: Pick<AcceptPorts, 'endpoints'>,
  endpoint: Endpoint,
  account: string | null,
): { firmId: string; reason: null } | { firmId: string | null; reason: QuarantineReason } {
  const { firmId, accounts } = endpoint;
  const mapped = account === null ? null : ports.endpoints.firmOfAccount(endpoint.provider, account);
  if (account !== null && accounts.length > 0 && !accounts.includes(account))
    return { firmId, reason: 'account_not_listed' };
  const resolved = firmId ?? mapped;
  if (resolved === null) return { firmId: null, reason: 'account_unknown' };
  return mapped === null || mapped === resolved
    ? { firmId: resolved, reason: null }
    : { firmId: resolved, reason: 'account_foreign' };
}

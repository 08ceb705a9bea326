import type { QuarantineReason } from './errors.js';
import type { AcceptPorts, Endpoint } from './ports.js';

/** A firm's endpoint signs for that firm alone; only a platform endpoint is routed by the account in the body. */
export function ownerOf(
  ports: Pick<AcceptPorts, 'endpoints'>,
  endpoint: Endpoint,
  account: string | null,
): { firmId: string; reason: null } | { firmId: string | null; reason: QuarantineReason } {
  const { firmId, accounts } = endpoint;
  const mapped = account === null ? null : ports.endpoints.firmOfAccount(endpoint.provider, account);
  if (account !== null && accounts.length > 0 && !accounts.includes(account))
    return { firmId, reason: 'account_not_listed' };
  const owner = firmId ?? mapped;
  if (owner === null) return { firmId: null, reason: 'account_unknown' };
  return mapped === null || mapped === owner
    ? { firmId: owner, reason: null }
    : { firmId: owner, reason: 'account_foreign' };
}

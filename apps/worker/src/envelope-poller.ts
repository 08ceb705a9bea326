import { repeat, type WebhookEvent, withDeadline } from '@semel/core';
import {
  applyFetched,
  type ClaimedPoll,
  claimPoll,
  completePoll,
  listFirmsToPoll,
  type WantedEnvelope,
  wantEnvelopes,
} from '@semel/database';
import { bareEnvelopeOf, changesOfAnswer, EnvelopeReadError, type EnvelopeReader } from '@semel/providers';
import type { Logger } from '@semel/telemetry';

export interface EnvelopePollerOptions {
  pool: Parameters<typeof claimPoll>[0];
  reader: EnvelopeReader;
  log: Logger;
  /** How often to check for envelopes whose 15 minutes are over. */
  everyMs: number;
}

export interface EnvelopePoller {
  /** Called for every applied event. If it only named its envelope, the rest is read from DocuSign. Never throws. */
  consider(event: WebhookEvent): void;
  /** Waits for the running request, at most this long. */
  close(timeoutMs: number): Promise<void>;
}

/** The most envelopes that wait in memory to be recorded. Others are picked up with their next message. */
const waitingLimit = 10_000;
/** How long to wait after an error of this kind, unless DocuSign says how long. */
const pauseMs = { refused: 15 * 60_000, limited: 15 * 60_000, away: 30_000, unknown: 0 };

/**
 * Completes envelopes whose messages have no data: reads them from DocuSign, one request at a time. This happens outside of the
 * events' transactions, so no event waits for it. The envelopes to read are in the database: if a worker dies, the next event
 * of the firm makes another worker go on.
 */
export function startEnvelopePoller(options: EnvelopePollerOptions): EnvelopePoller {
  const { pool, reader, log } = options;
  const waiting: WantedEnvelope[] = [];
  const firms = new Set<string>();
  let pausedUntilMs = 0;
  let closed = false;
  const polling = repeat(poll, {
    everyMs: options.everyMs,
    onOutage: (err) => log.warn({ err }, 'envelope.pollFailed'),
  });

  async function poll(): Promise<void> {
    while (waiting.length > 0) await writeDown();
    if (firms.size > 0) await askAll();
  }

  async function writeDown(): Promise<void> {
    const batch = waiting.slice(0, 500);
    await wantEnvelopes(pool, batch);
    waiting.splice(0, batch.length);
    for (const { firmId } of batch) firms.add(firmId);
  }

  async function askAll(): Promise<void> {
    while (!closed && firms.size > 0 && Date.now() >= pausedUntilMs) {
      const claimed = await claimPoll(pool, [...firms]);
      if (claimed === null) break;
      await askFor(claimed);
    }
    const still = new Set(await listFirmsToPoll(pool, [...firms]));
    for (const firmId of firms) if (!still.has(firmId)) firms.delete(firmId);
  }

  async function askFor(claimed: ClaimedPoll): Promise<void> {
    const { firmId, account, externalId } = claimed;
    const facts = { provider: 'docusign', firmId, envelopeId: externalId };
    const askedAtMs = Date.now();
    try {
      const summary = await reader.read(account, externalId);
      const eventId = `poll~${externalId}~${new Date(askedAtMs).toISOString()}`;
      const changes = changesOfAnswer(externalId, summary, askedAtMs).map((change) => ({
        ...change,
        firmId,
        provider: 'docusign',
        eventId,
        receivedAtMs: askedAtMs,
      }));
      const moved = await applyFetched(pool, changes);
      await completePoll(pool, claimed);
      log.info({ ...facts, eventId, moved }, 'envelope.completed');
    } catch (error) {
      if (!(error instanceof EnvelopeReadError)) throw error;
      pausedUntilMs = askedAtMs + (error.retryAfterMs ?? pauseMs[error.kind]);
      if (error.kind === 'unknown') await completePoll(pool, claimed);
      log.warn({ ...facts, err: error, kind: error.kind, status: error.status }, 'envelope.askFailed');
    }
  }

  return {
    consider(event) {
      const bare = closed ? null : bareEnvelopeOf(event);
      if (bare === null) return;
      if (waiting.length >= waitingLimit) return void log.warn('envelope.pollBacklog');
      waiting.push({ firmId: event.firmId, account: bare.account, externalId: bare.ref.externalId });
      polling.wake();
    },
    async close(timeoutMs) {
      closed = true;
      await withDeadline(timeoutMs, polling.stop(), () => new Error('late')).catch(() => undefined);
    },
  };
}

import {
  type Accepted,
  type AcceptPorts,
  accept,
  findEndpoint,
  type Provider,
  RejectedError,
  type Route,
  SemelError,
  withDeadline,
} from '@semel/core';
import type { DeliveryRecorder, EndpointHealthRecorder } from '@semel/database';
import type { BodyThread } from '@semel/providers';
import type { Logger, Metrics } from '@semel/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem, statusOf, toProblem } from '../problem.js';
import type { BodyBudget } from './body-budget.js';
import { rawBody } from './raw-body.js';
import type { RefusalLog } from './refusal-log.js';

export interface WebhookOptions {
  /** The ports of `accept`, for each provider. */
  portsOf(provider: Provider): AcceptPorts;
  providers: readonly Provider[];
  budgetMs: number;
  metrics: Metrics;
  deliveries: Pick<DeliveryRecorder, 'add'>;
  health: Pick<EndpointHealthRecorder, 'note'>;
  bodyBudget: BodyBudget;
  /** Reads large bodies off the event loop. */
  bodyThread: Pick<BodyThread, 'reading'>;
  refusals: Pick<RefusalLog, 'add'>;
  log: Logger;
}

type WebhookRequest = FastifyRequest<{ Params: { endpoint: string } }>;

const noBody = Buffer.alloc(0);

/** `POST /webhooks/<provider>/:endpoint…`: one route per provider and channel, in the order of the registry. */
export function webhooks(app: FastifyInstance, options: WebhookOptions): void {
  rawBody(app, options.bodyBudget);
  for (const provider of options.providers)
    for (const route of provider.routes) addRoute(app, options, provider, route);
}

function addRoute(app: FastifyInstance, options: WebhookOptions, provider: Provider, route: Route): void {
  const { metrics, deliveries, health, refusals, log } = options;
  const ports = options.portsOf(provider);
  const reading = options.bodyThread.reading(provider);
  const overBudget = () =>
    new SemelError('unavailable', `The stores did not answer within ${options.budgetMs} ms`);

  app.post<{ Params: { endpoint: string } }>(
    `/webhooks/${provider.name}/:endpoint${route.path}`,
    {
      bodyLimit: provider.bodyLimitBytes,
      // Before the body is read: who does not know an endpoint gets no memory.
      onRequest: async (request) => {
        const { endpoint } = request.params as WebhookRequest['params'];
        request.bodyOwner = (await findEndpoint(ports.endpoints, provider, endpoint)).firmId;
      },
      errorHandler: (error, request, reply) => reject(request as WebhookRequest, reply, toProblem(error)),
    },
    async (request, reply) => {
      const startedMs = performance.now();
      const delivered = {
        endpointKey: request.params.endpoint,
        channel: route.channel,
        body: (request.body as Buffer | undefined) ?? noBody,
        headers: request.headers,
        path: request.raw.url ?? '',
      };
      try {
        // A provider must not wait for a store that hangs. If the work completes after all, the provider's retry is a duplicate.
        const accepted = await withDeadline(options.budgetMs, accept(ports, reading, delivered), overBudget);
        observe(accepted, request);
        return answer(reply, provider, accepted);
      } finally {
        metrics.acceptSeconds(provider.name, (performance.now() - startedMs) / 1000);
      }
    },
  );

  function observe({ outcome, event, endpoint, layer, degraded }: Accepted, request: FastifyRequest): void {
    const { eventId, type, firmId } = event;
    metrics.received(provider.name, outcome);
    health.note(endpoint, true);
    const facts = { provider: provider.name, eventId, type, firmId, endpoint: endpoint.key, outcome };
    if (degraded) {
      metrics.ackDegraded(provider.name);
      log.warn(facts, 'ack.degraded');
    }
    if (outcome === 'accepted') {
      log.debug(facts, 'webhook.accepted');
      return;
    }
    deliveries.add({
      firmId: firmId ?? endpoint.firmId,
      provider: provider.name,
      eventId,
      endpointId: endpoint.id,
      outcome,
      code: null,
      source: request.ip,
      bodySha256: provider.bodyChangesOnRetry ? null : event.sha256,
    });
    if (layer !== null) {
      metrics.duplicate(provider.name, layer);
      log.info({ ...facts, layer }, `Duplicate ${provider.name} webhook event received: ${eventId}`);
    } else if (outcome === 'quarantined') log.warn(facts, 'webhook.quarantined');
    else log.info(facts, `webhook.${outcome}`);
  }

  function reject(request: WebhookRequest, reply: FastifyReply, problem: SemelError): FastifyReply {
    const outcome = statusOf(problem) === 503 ? 'unavailable' : 'rejected';
    metrics.received(provider.name, outcome);
    const endpoint = endpointOf(request.params.endpoint);
    if (endpoint !== null) health.note(endpoint, false);
    const facts = { provider: provider.name, endpoint: request.params.endpoint, code: problem.code };
    if (problem.code === 'unavailable')
      log.error({ ...facts, err: problem.cause ?? problem }, 'webhook.unavailable');
    else {
      const hint = problem instanceof RejectedError ? problem.hint : null;
      refusals.add({ ...facts, isKnown: endpoint !== null, hint });
    }
    if (outcome === 'rejected')
      deliveries.add({
        firmId: endpoint?.firmId ?? null,
        provider: provider.name,
        eventId: null,
        endpointId: endpoint?.id ?? null,
        outcome,
        code: problem.code,
        source: null,
        bodySha256: null,
      });
    return sendProblem(reply, problem);
  }

  function endpointOf(key: string) {
    try {
      return ports.endpoints.find(provider.name, key);
    } catch {
      return null; // the key is not cached, and Postgres is unreachable
    }
  }
}

function answer(reply: FastifyReply, provider: Provider, { outcome, event }: Accepted): FastifyReply {
  reply.header('x-webhook-outcome', outcome);
  if (provider.replyTo?.(event) === 'twiml')
    return reply.header('content-type', 'text/xml').send('<Response/>');
  return reply
    .header('content-type', 'application/json')
    .send(JSON.stringify({ outcome, eventId: event.eventId }));
}

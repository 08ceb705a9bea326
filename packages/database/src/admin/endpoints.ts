import { randomUUID } from 'node:crypto';
import { type EncryptionKey, openSecret, sealSecret, secretBinding } from '../connection/secrets.js';
import { AdminError } from './admin-error.js';
import {
  checkAccounts,
  checkKey,
  checkMode,
  checkPublicUrl,
  checkSecrets,
  newEndpointKey,
} from './endpoint-input.js';
import { findFirm } from './firms.js';
import { findProvider, type Providers } from './providers.js';
import { isTaken, type Scope, type Transaction } from './scope.js';

export interface NewEndpoint {
  provider: string;
  /** null: a platform endpoint, whose events are routed by account. */
  firmSlug: string | null;
  /** At least one. A signature by any of them is valid. */
  secrets: readonly string[];
  /** The only accounts that it takes. Default: any that is not mapped to another firm. Creates no mapping. */
  accounts?: readonly string[];
  /** null: both modes. */
  mode?: string | null;
  publicUrl?: string | null;
  /** Default: a random key. Given when an endpoint moves from elsewhere. */
  key?: string;
}

/** An endpoint by its key or id. `provider` is needed if several providers have the key. */
export interface EndpointRef {
  key: string;
  provider?: string;
}

export interface EndpointChange {
  /** Replace the existing secrets. */
  secrets?: readonly string[];
  /** Added to the existing secrets: the first half of a rotation. */
  addSecrets?: readonly string[];
  accounts?: readonly string[];
  mode?: string | null;
  publicUrl?: string | null;
  /** false: enables the endpoint again. */
  disabled?: boolean;
}

/** An endpoint without its secrets. */
export interface EndpointRow {
  id: string;
  key: string;
  provider: string;
  firmSlug: string | null;
  mode: string | null;
  publicUrl: string | null;
  accounts: string[];
  secretCount: number;
  createdAt: Date;
  updatedAt: Date;
  disabledAt: Date | null;
  /** The time of the last 2xx; null: never. */
  acknowledgedAt: Date | null;
  /** The time of the first refusal since the last 2xx; null: there was none. */
  failingSince: Date | null;
}

export interface AdminEndpoints {
  add(endpoint: NewEndpoint): Promise<{ id: string; key: string }>;
  list(filter?: { provider?: string; firmSlug?: string }): Promise<EndpointRow[]>;
  update(ref: EndpointRef, change: EndpointChange): Promise<EndpointRow>;
  /** Its deliveries get 404 until it is enabled again. Nothing is deleted. */
  disable(ref: EndpointRef): Promise<EndpointRow>;
  /** Deletes its secrets for good. Its key is never reused; its events stay. */
  remove(ref: EndpointRef): Promise<{ id: string; key: string; firmSlug: string | null }>;
  /**
   * The newest secret, for signing samples as the provider does. No other method returns a secret; never print it.
   * Throws `secret_unreadable` if it was encrypted with another key.
   */
  readSecret(ref: EndpointRef): Promise<string>;
}

export function endpointsOf(
  scope: Scope,
  providers: Providers,
  encryptionKey: EncryptionKey,
): AdminEndpoints {
  const sealed = (endpoint: { id: string; firmId: string | null }, secrets: readonly string[]) =>
    secrets.map((secret) => {
      const id = randomUUID();
      const bound = secretBinding({ endpointId: endpoint.id, secretId: id });
      return {
        id,
        endpointId: endpoint.id,
        firmId: endpoint.firmId,
        keyId: encryptionKey.id,
        sealed: new Uint8Array(sealSecret(encryptionKey, secret, bound)),
      };
    });

  const update: AdminEndpoints['update'] = (ref, change) =>
    scope.everywhere(async (tx) => {
      const { id, firmId, disabledAt, provider } = await findEndpoint(tx, ref);
      const secretsOf = (given: readonly string[]) => checkSecrets(given, findProvider(providers, provider));
      await tx.webhookEndpoint.update({
        where: { id },
        data: {
          ...(change.mode === undefined ? {} : { mode: checkMode(change.mode) }),
          ...(change.publicUrl === undefined ? {} : { publicUrl: checkPublicUrl(change.publicUrl) }),
          ...(change.disabled === undefined
            ? {}
            : { disabledAt: change.disabled ? (disabledAt ?? new Date()) : null }),
          updatedAt: new Date(),
        },
      });
      if (change.secrets !== undefined) {
        const secrets = secretsOf(change.secrets);
        await tx.webhookEndpointSecret.deleteMany({ where: { endpointId: id } });
        await tx.webhookEndpointSecret.createMany({ data: sealed({ id, firmId }, secrets) });
      }
      if (change.addSecrets !== undefined)
        await tx.webhookEndpointSecret.createMany({
          data: sealed({ id, firmId }, secretsOf(change.addSecrets)),
        });
      if (change.accounts !== undefined) {
        const accounts = checkAccounts(change.accounts);
        await tx.webhookEndpointAccount.deleteMany({ where: { endpointId: id } });
        await tx.webhookEndpointAccount.createMany({
          data: accounts.map((account) => ({ endpointId: id, firmId, account })),
        });
      }
      const row = await tx.webhookEndpoint.findUniqueOrThrow({ where: { id }, include: shown });
      return (await toRows(tx, [row]))[0] as EndpointRow;
    });

  return {
    async add(endpoint) {
      const known = findProvider(providers, endpoint.provider);
      const provider = known.name;
      const id = randomUUID();
      const key = endpoint.key === undefined ? newEndpointKey() : checkKey(endpoint.key);
      const mode = checkMode(endpoint.mode ?? null);
      const publicUrl = checkPublicUrl(endpoint.publicUrl ?? null);
      const secrets = checkSecrets(endpoint.secrets, known);
      const accounts = checkAccounts(endpoint.accounts ?? []);
      try {
        await scope.everywhere(async (tx) => {
          const firmId = endpoint.firmSlug === null ? null : (await findFirm(tx, endpoint.firmSlug)).id;
          await tx.webhookEndpoint.create({ data: { id, firmId, provider, key, mode, publicUrl } });
          await tx.webhookEndpointSecret.createMany({ data: sealed({ id, firmId }, secrets) });
          await tx.webhookEndpointAccount.createMany({
            data: accounts.map((account) => ({ endpointId: id, firmId, account })),
          });
        });
      } catch (error) {
        if (!isTaken(error)) throw error;
        throw new AdminError(
          'key_taken',
          `${provider} has, or once had, an endpoint with the key "${key}"`,
          'leave the key out to get a new one',
        );
      }
      return { id, key };
    },

    list: ({ provider, firmSlug } = {}) =>
      scope.everywhere(async (tx) => {
        if (provider !== undefined) findProvider(providers, provider);
        const rows = await tx.webhookEndpoint.findMany({
          where: {
            removedAt: null,
            ...(provider === undefined ? {} : { provider }),
            ...(firmSlug === undefined ? {} : { firmId: (await findFirm(tx, firmSlug)).id }),
          },
          include: shown,
          orderBy: [{ provider: 'asc' }, { createdAt: 'asc' }],
        });
        return toRows(tx, rows);
      }),

    update,

    disable: (ref) => update(ref, { disabled: true }),

    remove: (ref) =>
      scope.everywhere(async (tx) => {
        const { id, key, firm } = await findEndpoint(tx, ref);
        const removedAt = new Date();
        await tx.webhookEndpointSecret.deleteMany({ where: { endpointId: id } });
        await tx.webhookEndpoint.update({ where: { id }, data: { removedAt, updatedAt: removedAt } });
        return { id, key, firmSlug: firm?.slug ?? null };
      }),

    readSecret: (ref) =>
      scope.everywhere(async (tx) => {
        const { id: endpointId, key } = await findEndpoint(tx, ref);
        const row = await tx.webhookEndpointSecret.findFirst({
          where: { endpointId },
          orderBy: { createdAt: 'desc' },
        });
        if (row === null)
          throw new AdminError('secret_missing', `The endpoint "${key}" has no secret`, 'update it with one');
        try {
          return openSecret(
            encryptionKey,
            Buffer.from(row.sealed),
            secretBinding({ endpointId, secretId: row.id }),
          );
        } catch {
          throw new AdminError(
            'secret_unreadable',
            `The secret of the endpoint "${key}" was encrypted with another SEMEL_ENCRYPTION_KEY`,
            'use that key, or update the endpoint with the secret',
          );
        }
      }),
  };
}

const shown = {
  firm: { select: { slug: true } },
  accounts: { select: { account: true }, orderBy: { account: 'asc' } },
  _count: { select: { secrets: true } },
} as const;

interface Shown
  extends Omit<EndpointRow, 'firmSlug' | 'accounts' | 'secretCount' | 'acknowledgedAt' | 'failingSince'> {
  firm: { slug: string } | null;
  accounts: { account: string }[];
  _count: { secrets: number };
}

/** Reads the health in a separate query: in an `include`, Prisma would run two queries at once on one connection. */
async function toRows(tx: Transaction, rows: readonly Shown[]): Promise<EndpointRow[]> {
  const health = await tx.webhookEndpointHealth.findMany({
    where: { endpointId: { in: rows.map(({ id }) => id) } },
  });
  const healthOf = new Map(health.map((each) => [each.endpointId, each]));
  return rows.map((row) => ({
    id: row.id,
    key: row.key,
    provider: row.provider,
    firmSlug: row.firm?.slug ?? null,
    mode: row.mode,
    publicUrl: row.publicUrl,
    accounts: row.accounts.map(({ account }) => account),
    secretCount: row._count.secrets,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    disabledAt: row.disabledAt,
    acknowledgedAt: healthOf.get(row.id)?.acknowledgedAt ?? null,
    failingSince: healthOf.get(row.id)?.refusedSince ?? null,
  }));
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function findEndpoint(tx: Transaction, { key, provider }: EndpointRef) {
  const found = key.includes('\0')
    ? []
    : await tx.webhookEndpoint.findMany({
        where: {
          removedAt: null,
          ...(provider === undefined ? {} : { provider }),
          ...(uuid.test(key) ? { OR: [{ key }, { id: key }] } : { key }),
        },
        include: { firm: { select: { slug: true } } },
      });
  const [endpoint, second] = found;
  if (endpoint === undefined)
    throw new AdminError(
      'endpoint_unknown',
      `There is no endpoint "${key}"`,
      'list the endpoints to find its key',
    );
  if (second !== undefined)
    throw new AdminError(
      'endpoint_ambiguous',
      `Several providers have an endpoint "${key}"`,
      'name the provider too',
    );
  return endpoint;
}

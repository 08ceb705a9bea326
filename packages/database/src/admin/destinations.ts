import { randomBytes, randomUUID } from 'node:crypto';
import { destinationBinding, type EncryptionKey, sealSecret } from '../connection/secrets.js';
import { AdminError } from './admin-error.js';
import { findFirm } from './firms.js';
import { isTaken, type Scope } from './scope.js';

export interface DestinationRow {
  id: string;
  firmSlug: string;
  name: string;
  url: string;
  createdAt: Date;
  disabledAt: Date | null;
}

export interface Destinations {
  /** Returns the secret that signs its deliveries. It is never shown again. */
  add(destination: {
    firmSlug: string;
    name: string;
    url: string;
    /** `whsec_` and base64 of 24 to 64 bytes. Default: a random one. */
    secret?: string;
  }): Promise<DestinationRow & { secret: string }>;
  list(filter?: { firmSlug?: string }): Promise<DestinationRow[]>;
  /** Deletes it. Effects that wait for it fail, and are dead after their attempts, unless it is added again. */
  remove(ref: { firmSlug: string; name: string }): Promise<void>;
}

export const destinationsOf = (scope: Scope, encryptionKey: EncryptionKey): Destinations => ({
  async add({ firmSlug, name, url, secret = newSecret() }) {
    checkName(name);
    checkUrl(url);
    checkSecret(secret);
    const id = randomUUID();
    try {
      return await scope.everywhere(async (tx) => {
        const { id: firmId } = await findFirm(tx, firmSlug);
        const sealed = new Uint8Array(sealSecret(encryptionKey, secret, destinationBinding({ id, firmId })));
        const data = { id, firmId, name, url, keyId: encryptionKey.id, sealed };
        const { createdAt, disabledAt } = await tx.webhookDestination.create({ data });
        return { id, firmSlug, name, url, createdAt, disabledAt, secret };
      });
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw new AdminError(
        'name_taken',
        `The firm "${firmSlug}" has a destination "${name}" already`,
        'remove it first, or choose another name',
      );
    }
  },

  list: ({ firmSlug } = {}) =>
    scope.everywhere(async (tx) => {
      const rows = await tx.webhookDestination.findMany({
        where: firmSlug === undefined ? {} : { firmId: (await findFirm(tx, firmSlug)).id },
        include: { firm: { select: { slug: true } } },
        orderBy: [{ firmId: 'asc' }, { name: 'asc' }],
      });
      return rows.map(({ id, firm, name, url, createdAt, disabledAt }) => {
        return { id, firmSlug: firm.slug, name, url, createdAt, disabledAt };
      });
    }),

  remove: ({ firmSlug, name }) =>
    scope.everywhere(async (tx) => {
      const { id: firmId } = await findFirm(tx, firmSlug);
      const { count } = await tx.webhookDestination.deleteMany({ where: { firmId, name } });
      if (count === 0)
        throw new AdminError(
          'destination_unknown',
          `The firm "${firmSlug}" has no destination "${name}"`,
          'list its destinations',
        );
    }),
});

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

function checkName(name: string): void {
  if (/^[\w.-]{1,64}$/.test(name)) return;
  throw new AdminError(
    'input_invalid',
    `"${name}" can't be the name of a destination`,
    'use up to 64 letters, digits, ".", "-" and "_"',
  );
}

/** Does not check for a public address: that is checked at each delivery, because DNS may change. */
function checkUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return;
  throw new AdminError(
    'input_invalid',
    'A destination needs an http(s) URL without a user and a password',
    'remove them: deliveries are signed instead',
  );
}

function checkSecret(secret: string): void {
  const bytes = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  const length = bytes === undefined ? 0 : Buffer.from(bytes, 'base64').length;
  if (length >= 24 && length <= 64) return;
  throw new AdminError(
    'input_invalid',
    'The secret of a destination is "whsec_" and 24 to 64 bytes in base64',
    'leave it out to get a new one',
  );
}

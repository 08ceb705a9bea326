import { AdminError } from './admin-error.js';
import { checkAccount } from './endpoint-input.js';
import { findFirm } from './firms.js';
import { findProvider, type Providers } from './providers.js';
import type { Scope } from './scope.js';

export interface AccountRow {
  provider: string;
  account: string;
  firmSlug: string;
  createdAt: Date;
}

export interface Accounts {
  /** Routes the account on platform endpoints, and refuses it on endpoints of other firms. Idempotent. */
  map(mapping: { provider: string; account: string; firmSlug: string }): Promise<AccountRow>;
  /** Returns the slug of the firm to which the account was mapped. */
  unmap(mapping: { provider: string; account: string }): Promise<string>;
  list(filter?: { provider?: string; firmSlug?: string }): Promise<AccountRow[]>;
}

export const accountsOf = (scope: Scope, providers: Providers): Accounts => ({
  map: ({ provider, account, firmSlug }) =>
    scope.everywhere(async (tx) => {
      findProvider(providers, provider);
      const { id: firmId } = await findFirm(tx, firmSlug);
      const data = [{ provider, account: checkAccount(account), firmId }];
      await tx.webhookAccount.createMany({ data, skipDuplicates: true });
      const row = await tx.webhookAccount.findUniqueOrThrow({
        where: { provider_account: { provider, account } },
        include: { firm: { select: { slug: true } } },
      });
      if (row.firmId !== firmId)
        throw new AdminError(
          'account_taken',
          `The ${provider} account "${account}" is mapped to the firm "${row.firm.slug}"`,
          'remove that mapping first',
        );
      return { provider, account, firmSlug, createdAt: row.createdAt };
    }),

  unmap: ({ provider, account }) =>
    scope.everywhere(async (tx) => {
      findProvider(providers, provider);
      const where = { provider, account: checkAccount(account) };
      const row = await tx.webhookAccount.findUnique({
        where: { provider_account: where },
        include: { firm: { select: { slug: true } } },
      });
      const { count } = await tx.webhookAccount.deleteMany({ where });
      if (row === null || count === 0)
        throw new AdminError(
          'account_unknown',
          `No ${provider} account "${account}" is mapped`,
          'list the accounts',
        );
      return row.firm.slug;
    }),

  list: ({ provider, firmSlug } = {}) =>
    scope.everywhere(async (tx) => {
      if (provider !== undefined) findProvider(providers, provider);
      const rows = await tx.webhookAccount.findMany({
        where: {
          ...(provider === undefined ? {} : { provider }),
          ...(firmSlug === undefined ? {} : { firmId: (await findFirm(tx, firmSlug)).id }),
        },
        include: { firm: { select: { slug: true } } },
        orderBy: [{ provider: 'asc' }, { account: 'asc' }],
      });
      return rows.map(({ firm, provider, account, createdAt }) => ({
        provider,
        account,
        firmSlug: firm.slug,
        createdAt,
      }));
    }),
});

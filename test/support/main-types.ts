import type { Provider, Sample } from '@semel/core';
import { tables } from '@semel/database';
import { providers } from '@semel/providers';
import { identityOf } from './identity-of.js';

/** The event type that tests send for a provider. */
export interface MainType {
  type: string;
  /** Its event's outcome: `applied`, or `ignored` if no event of the provider changes data. */
  outcome: 'applied' | 'ignored';
  /** The tables in which it leaves exactly one row. */
  tables: string[];
  /** The ledger columns that link to the changed objects. */
  links: string[];
}

/** Overrides of the default, the first sample that changes data. */
const chosen: Record<string, string> = {
  stripe: 'invoice.paid',
  docusign: 'envelope-completed',
  twilio: 'inbound',
};

const mainTypes = new Map(providers.map((provider) => [provider.name, choose(provider)]));

/** A type that changes data, if the provider of the registry has one. */
export const mainTypeOf = ({ name }: Pick<Provider, 'name'>): MainType => mainTypes.get(name) as MainType;

/** Those whose events change data. */
export const changingProviders: readonly Provider[] = providers.filter(
  (provider) => mainTypeOf(provider).outcome === 'applied',
);

function choose(provider: Provider): MainType {
  const known = provider.samples.map((sample) => describe(provider, sample));
  const main =
    known.find(({ type }) => type === chosen[provider.name]) ??
    known.find(({ outcome }) => outcome === 'applied') ??
    known[0];
  if (main === undefined) throw new Error(`${provider.name} has no samples`);
  return main;
}

function describe(provider: Provider, sample: Sample): MainType {
  const { body } = sample.build({ account: null, nowMs: Date.now() });
  const event = {
    v: 2 as const,
    firmId: '00000000-0000-4000-8000-000000000001',
    provider: provider.name,
    ...identityOf(provider, body, sample.channel),
    channel: sample.channel,
    endpointId: '',
    receivedAtMs: Date.now(),
    body: { utf8: '' },
    sha256: '',
    ignored: null,
  };
  const { changes, links, ignored } = provider.changesOf(event, body);
  const changed = changes.map(({ entity }) => tables[entity].table);
  return {
    type: sample.type,
    outcome: ignored === null ? 'applied' : 'ignored',
    tables: changed.filter((table) => changed.indexOf(table) === changed.lastIndexOf(table)),
    links: Object.keys(links),
  };
}

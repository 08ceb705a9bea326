import { providers } from '@semel/providers';
import t from 'tap';
import { identityOf } from '../../support/identity-of.js';
import { vendorTypes } from '../../support/vendor-types.js';
import { eventOf, nowMs } from './deliveries.js';

const plain = (type: string) => type.replaceAll(/[._]/g, '');

for (const provider of providers) {
  const typesOf = vendorTypes[provider.name];
  if (typesOf === undefined) continue; // a generic service has no list of types

  t.test(`${provider.title}: every handled type has a sample`, async (t) => {
    const [sample] = provider.samples;
    if (sample === undefined) return t.fail('no sample at all');
    const event = eventOf(provider, sample.build({ account: null, nowMs }).body, sample.channel);
    const isActedOn = (type: string) =>
      provider.changesOf({ ...event, type }, Buffer.from('{}')).ignored !== 'type_not_handled';
    const acted = typesOf().filter(isActedOn);
    t.ok(acted.length > 10, `${acted.length} of ${typesOf().length} types are acted on`);

    const sampled = new Set(
      provider.samples.map(({ build, channel }) =>
        plain(identityOf(provider, build({ account: null, nowMs }).body, channel).type),
      ),
    );
    t.same(
      acted.filter((type) => !sampled.has(plain(type))),
      [],
    );
  });
}

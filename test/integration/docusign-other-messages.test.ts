import t from 'tap';
import { createWorld } from '../support/world.js';

// Connect also tells of templates, terms, opt-outs, accounts and users. A refusal would be sent again for days, and can hold back
// the messages about envelopes that follow.

t.test('a message about no envelope is recorded, once, and changes nothing', async (t) => {
  const world = await createWorld(t);
  const endpoint = await world.addEndpoint('docusign', await world.addFirm());
  const account = '00000000-0000-4000-8000-0000000000ad';
  for (const type of ['template-created', 'click-agreed'])
    await t.test(type, async (t) => {
      const { body } = world.buildBody(endpoint, type, { account });
      const retry = Buffer.from(body.toString().replace('"retryCount":0', '"retryCount":1'));
      const sent = await world.send(endpoint, type, { body });
      t.match(sent, { status: 200, outcome: 'accepted' });
      const row = await world.applied(endpoint.provider, sent.eventId, 'ignored');
      t.match(row, { ignored_reason: 'type_not_handled', event_type: type, envelope_id: null });
      t.match(await world.send(endpoint, type, { body: retry }), {
        status: 200,
        outcome: 'duplicate',
        eventId: sent.eventId,
      });
      const other = await world.send(endpoint, type, { account });
      t.equal(other.outcome, 'accepted', 'another one is another event');
      const unsigned = await world.send(endpoint, type, { account, secret: 'another' });
      t.equal(unsigned.status, 401);
    });
  await t.test('by the account in its address, a platform endpoint finds the firm', async (t) => {
    const firmId = await world.addFirm();
    await world.sql('INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ($1, $2, $3)', [
      'docusign',
      'acct-of-uri',
      firmId,
    ]);
    const platform = await world.addEndpoint('docusign', null);
    const sent = await world.send(platform, 'click-agreed', {
      overrides: { accountId: undefined, $event: { uri: '/clickapi/v1/accounts/acct-of-uri/clickwraps/1' } },
    });
    t.match(sent, { status: 200, outcome: 'accepted' });
    t.match(await world.applied(platform.provider, sent.eventId, 'ignored'), {
      firm_id: firmId,
      event_type: 'click-agreed',
    });
  });
  t.same(await world.sql('SELECT * FROM esignature_envelopes'), []);
});

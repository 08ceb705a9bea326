import t from 'tap';
import { startHarness } from '../support/harness.js';

// Connect also sends messages about templates, terms, opt-outs, accounts and users. A refused message would be
// retried for days, and can delay later messages about envelopes.

t.test('a message that is not about an envelope is recorded once and changes nothing', async (t) => {
  const harness = await startHarness(t);
  const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
  const account = '00000000-0000-4000-8000-0000000000ad';
  for (const type of ['template-created', 'click-agreed'])
    await t.test(type, async (t) => {
      const { body } = harness.buildBody(endpoint, type, { account });
      const retry = Buffer.from(body.toString().replace('"retryCount":0', '"retryCount":1'));
      const sent = await harness.send(endpoint, type, { body });
      t.match(sent, { status: 200, outcome: 'accepted' });
      const row = await harness.applied(endpoint.provider, sent.eventId, 'ignored');
      t.match(row, { ignored_reason: 'type_not_handled', event_type: type, envelope_id: null });
      t.match(await harness.send(endpoint, type, { body: retry }), {
        status: 200,
        outcome: 'duplicate',
        eventId: sent.eventId,
      });
      const other = await harness.send(endpoint, type, { account });
      t.equal(other.outcome, 'accepted', 'another one is another event');
      const unsigned = await harness.send(endpoint, type, { account, secret: 'another' });
      t.equal(unsigned.status, 401);
    });
  await t.test("a platform endpoint routes by the account in the message's URI", async (t) => {
    const firmId = await harness.addFirm();
    await harness.sql('INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ($1, $2, $3)', [
      'docusign',
      'acct-of-uri',
      firmId,
    ]);
    const platform = await harness.addEndpoint('docusign', null);
    const sent = await harness.send(platform, 'click-agreed', {
      overrides: { accountId: undefined, $event: { uri: '/clickapi/v1/accounts/acct-of-uri/clickwraps/1' } },
    });
    t.match(sent, { status: 200, outcome: 'accepted' });
    t.match(await harness.applied(platform.provider, sent.eventId, 'ignored'), {
      firm_id: firmId,
      event_type: 'click-agreed',
    });
  });
  t.same(await harness.sql('SELECT * FROM esignature_envelopes'), []);
});

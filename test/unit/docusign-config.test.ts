import { generateKeyPairSync } from 'node:crypto';
import { ConfigError, loadSettings } from '@semel/config';
import t from 'tap';

// DocuSign's API is used with all credentials, or not at all.

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const all = {
  SEMEL_DATA_DIR: t.testdir(),
  DOCUSIGN_INTEGRATION_KEY: '00000000-0000-4000-8000-00000000001c',
  DOCUSIGN_USER_ID: '00000000-0000-4000-8000-0000000000ff',
  DOCUSIGN_PRIVATE_KEY: privateKey,
};

t.test('unset: DocuSign is not queried', async (t) => {
  t.equal(loadSettings({ SEMEL_DATA_DIR: all.SEMEL_DATA_DIR }).docusign, null);
});

t.test('set: production addresses by default, or the given ones', async (t) => {
  const expected = {
    integrationKey: all.DOCUSIGN_INTEGRATION_KEY,
    userId: all.DOCUSIGN_USER_ID,
    privateKey: privateKey.trim(),
    basePath: 'https://www.docusign.net/restapi',
    oauthHost: 'account.docusign.com',
  };
  t.same(loadSettings(all).docusign, expected);
  const inOneLine = { ...all, DOCUSIGN_PRIVATE_KEY: privateKey.replaceAll('\n', '\\n') };
  t.same(loadSettings(inOneLine).docusign, expected, 'as environment files write it');
  t.match(
    loadSettings({
      ...all,
      DOCUSIGN_BASE_PATH: 'https://demo.docusign.net/restapi/',
      DOCUSIGN_OAUTH_HOST: 'account-d.docusign.com',
    }).docusign,
    { basePath: 'https://demo.docusign.net/restapi', oauthHost: 'account-d.docusign.com' },
  );
});

t.test('incomplete credentials or an invalid key are reported at the start', async (t) => {
  for (const missing of ['DOCUSIGN_INTEGRATION_KEY', 'DOCUSIGN_USER_ID', 'DOCUSIGN_PRIVATE_KEY'] as const)
    t.throws(() => loadSettings({ ...all, [missing]: undefined }), new RegExp(`${missing} is not set`));
  const secret = 'not-a-key';
  try {
    loadSettings({ ...all, DOCUSIGN_PRIVATE_KEY: secret });
    t.fail('it is no key');
  } catch (error) {
    t.ok(error instanceof ConfigError);
    t.match(String(error), /DOCUSIGN_PRIVATE_KEY: expected an RSA private key/);
    t.notMatch(String(error), secret);
  }
});

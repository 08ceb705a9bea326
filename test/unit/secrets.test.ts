import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import {
  encryptionKey,
  openSecret,
  sealSecret,
  secretBinding,
} from '../../packages/database/src/connection/secrets.js';

const key = encryptionKey(randomBytes(32));
const row = secretBinding({ endpointId: 'endpoint 1', secretId: 'secret 1' });

t.test('any sealed value opens again', async (t) => {
  const text = fc.string({ unit: 'grapheme' });
  t.doesNotThrow(() =>
    fc.assert(fc.property(text, (secret) => openSecret(key, sealSecret(key, secret, row), row) === secret)),
  );
});

t.test('the same secret is sealed differently each time', async (t) => {
  const sealed = Array.from({ length: 100 }, () => sealSecret(key, 'whsec_1', row).toString('hex'));
  t.equal(new Set(sealed).size, 100);
  t.notOk(sealed.some((hex) => Buffer.from(hex, 'hex').includes('whsec_1')));
});

t.test('a sealed value does not open with another binding', async (t) => {
  const sealed = sealSecret(key, 'whsec_1', row);
  for (const other of [
    secretBinding({ endpointId: 'endpoint 2', secretId: 'secret 1' }),
    secretBinding({ endpointId: 'endpoint 1', secretId: 'secret 2' }),
    '',
  ])
    t.throws(() => openSecret(key, sealed, other), `bound to ${other || 'nothing'}`);
});

t.test('a sealed value does not open with another key', async (t) => {
  const sealed = sealSecret(key, 'whsec_1', row);
  t.throws(() => openSecret(encryptionKey(randomBytes(32)), sealed, row));
  t.throws(() => openSecret({ ...key, id: 'other' }, sealed, row), 'nor under another name of the key');
  const bytes = Buffer.from(key.bytes);
  bytes.writeUInt8(bytes.readUInt8(31) ^ 1, 31);
  t.throws(() => openSecret({ ...key, bytes }, sealed, row), 'nor with one bit changed');
});

t.test('every flipped or missing byte is detected', async (t) => {
  const sealed = sealSecret(key, 'whsec_1', row);
  for (let i = 0; i < sealed.length; i++) {
    const flipped = Buffer.from(sealed);
    flipped.writeUInt8(flipped.readUInt8(i) ^ 1, i);
    t.throws(() => openSecret(key, flipped, row), `byte ${i}`);
    t.throws(() => openSecret(key, sealed.subarray(0, i), row), `cut at ${i}`);
  }
  t.throws(() => openSecret(key, Buffer.concat([sealed, Buffer.of(0)]), row), 'one byte more');
});

t.test('a key has 32 bytes and an id that does not reveal it', async (t) => {
  for (const length of [0, 16, 31, 33]) t.throws(() => encryptionKey(Buffer.alloc(length)));
  t.notOk(key.bytes.toString('hex').includes(key.id));
  t.equal(encryptionKey(key.bytes).id, key.id, 'the same for the same key');
  t.not(encryptionKey(randomBytes(32)).id, key.id);
});

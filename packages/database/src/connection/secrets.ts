import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** A key of 32 bytes, with a short id that is stored with everything encrypted by it. */
export interface EncryptionKey {
  id: string;
  bytes: Buffer;
}

export const encryptionKey = (bytes: Buffer): EncryptionKey => {
  if (bytes.length !== 32) throw new Error('SEMEL_ENCRYPTION_KEY must be 32 bytes');
  return { id: createHash('sha256').update('semel key id').update(bytes).digest('hex').slice(0, 8), bytes };
};

/**
 * Encrypts with AES-256-GCM; returns nonce (12 bytes) + tag (16) + ciphertext. `bound` names the row of the secret: copied to
 * another row, it can't be decrypted.
 */
export function sealSecret(key: EncryptionKey, secret: string, bound: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(Buffer.from(`${key.id}|${bound}`));
  const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** Decrypts. Throws if the key, the row or the bytes differ from those of `sealSecret`. */
export function openSecret(key: EncryptionKey, sealed: Buffer, bound: string): string {
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, sealed.subarray(0, 12), { authTagLength: 16 })
    .setAAD(Buffer.from(`${key.id}|${bound}`))
    .setAuthTag(sealed.subarray(12, 28));
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8');
}

/** The `bound` of an endpoint's secret. */
export const secretBinding = (row: { endpointId: string; secretId: string }) =>
  `webhook_endpoint_secrets|${row.endpointId}|${row.secretId}`;

/** The `bound` of a destination's secret. */
export const destinationBinding = (row: { id: string; firmId: string }) =>
  `webhook_destinations|${row.firmId}|${row.id}`;

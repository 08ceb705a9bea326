import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folderOf = (name: string) => fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url));
const namesIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = '']) => name);

/**
 * Each provider's event types, read from its SDK's declarations, so that they follow the SDK; DocuSign's SDK declares
 * none.
 */
export const vendorTypes: Record<string, () => string[]> = {
  stripe: () =>
    namesIn(
      readFileSync(join(folderOf('stripe'), 'esm/resources/Events.d.ts'), 'utf8'),
      /^\s+type: '([\w.]+)';$/gm,
    ),

  /**
   * The SDK only has names like `DisputeEvidenceAddedEvent`: the first word is the object, and dots and underscores
   * are lost.
   */
  square: () =>
    readdirSync(join(folderOf('square'), 'api/types')).flatMap((file) => {
      const [, object, rest] = /^([A-Z][a-z]+)(\w+)Event\.d\.ts$/.exec(file) ?? [];
      return object === undefined ? [] : [`${object}.${rest}`.toLowerCase()];
    }),

  /** https://developers.docusign.com/platform/webhooks/connect/event-triggers/ */
  docusign: () => [
    ...`created sent reminder-sent resent delivered completed declined voided corrected purge deleted discard removed`
      .split(' ')
      .map((verb) => `envelope-${verb}`),
    ...`sent autoresponded delivered completed declined authenticationfailed resent delegate reassign finish-later`
      .split(' ')
      .map((verb) => `recipient-${verb}`),
    'template-created',
    'click-agreed',
  ],

  twilio: () => {
    const file = join(folderOf('twilio'), 'lib/rest/api/v2010/account/message.d.ts');
    const [, statuses = ''] = /^export type MessageStatus = (.*);$/m.exec(readFileSync(file, 'utf8')) ?? [];
    // Statuses of incoming messages: they have no status callback.
    const ofInbound = ['receiving', 'received'];
    const ofOurs = namesIn(statuses, /"(\w+)"/g).filter((status) => !ofInbound.includes(status));
    return ['inbound', ...ofOurs.map((status) => `status:${status}`)];
  },
};

import { createHash } from 'node:crypto';

/** A UUID derived from the parts, so that the events of one envelope agree. */
function uuidOf(...parts: string[]): string {
  const hex = createHash('sha256').update(parts.join('/')).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const isOneOf = (status: string, ...statuses: string[]) => statuses.includes(status);

/** An envelope with two documents and two signers, as Connect sends it with `recipients` and `tabs` included. */
export function envelopeSummary(envelopeId: string, status: string, nowMs: number): Record<string, unknown> {
  const at = (minutesAgo: number) =>
    new Date(nowMs - minutesAgo * 60_000).toISOString().replace('Z', '0000Z');
  const isDraft = status === 'created';
  const ends = !isOneOf(status, 'created', 'sent', 'delivered');
  const path = `/envelopes/${envelopeId}`;
  return {
    status,
    documentsUri: `${path}/documents`,
    recipientsUri: `${path}/recipients`,
    attachmentsUri: `${path}/attachments`,
    envelopeUri: path,
    emailSubject: 'Please sign: engagement letter M-2026-0042',
    emailBlurb: 'Please review and sign the attached documents.',
    envelopeId,
    signingLocation: 'online',
    customFieldsUri: `${path}/custom_fields`,
    notificationUri: `${path}/notification`,
    enableWetSign: 'true',
    allowMarkup: 'false',
    allowReassign: 'true',
    createdDateTime: at(isDraft ? 0 : 30),
    lastModifiedDateTime: at(isDraft ? 0 : 30),
    ...(isOneOf(status, 'created', 'sent') ? {} : { deliveredDateTime: at(ends ? 5 : 0) }),
    ...(isDraft ? {} : { initialSentDateTime: at(29), sentDateTime: at(29) }),
    ...(ends ? { [`${status}DateTime`]: at(0) } : {}),
    ...(status === 'voided' ? { voidedReason: 'Wrong document attached' } : {}),
    statusChangedDateTime: at(0),
    documentsCombinedUri: `${path}/documents/combined`,
    certificateUri: `${path}/documents/certificate`,
    templatesUri: `${path}/templates`,
    expireEnabled: 'true',
    expireDateTime: at(-120 * 24 * 60),
    expireAfter: '120',
    sender: {
      userName: 'Grace Example',
      userId: '00000000-0000-4000-8000-0000000000ff',
      accountId: '00000000-0000-4000-8000-0000000000ac',
      email: 'grace@example.com',
      ipAddress: '192.0.2.10',
    },
    customFields: {
      textCustomFields: [
        { fieldId: '10701', name: 'matter', show: 'false', required: 'false', value: 'M-2026-0042' },
      ],
      listCustomFields: [],
    },
    recipients: {
      signers: [
        signer(envelopeId, '1', 'Ada Example', 'ada@example.com', status, at),
        signer(envelopeId, '2', 'Charles Example', 'charles@example.com', status, at),
      ],
      agents: [],
      editors: [],
      intermediaries: [],
      carbonCopies: [],
      certifiedDeliveries: [],
      inPersonSigners: [],
      seals: [],
      witnesses: [],
      notaries: [],
      recipientCount: '2',
      currentRoutingOrder: '1',
    },
    envelopeDocuments: ['1', '2'].map((documentId) => ({
      documentId,
      documentIdGuid: uuidOf(envelopeId, 'document', documentId),
      name: documentId === '1' ? 'Engagement letter.pdf' : 'Fee agreement.pdf',
      type: 'content',
      uri: `${path}/documents/${documentId}`,
      order: documentId,
      pages: [1, 2].map((sequence) => ({
        pageId: uuidOf(envelopeId, 'page', documentId, String(sequence)),
        sequence: String(sequence),
        height: '792',
        width: '612',
        dpi: '72',
      })),
      availableDocumentTypes: [{ type: 'electronic', isDefault: 'true' }],
      display: 'inline',
      includeInDownload: 'true',
      signerMustAcknowledge: 'no_interaction',
      templateRequired: 'false',
      authoritativeCopy: 'false',
    })),
    purgeState: 'unpurged',
    envelopeIdStamping: 'true',
    is21CFRPart11: 'false',
    signerCanSignOnMobile: 'true',
    autoNavigation: 'true',
    isSignatureProviderEnvelope: 'false',
    hasFormDataChanged: 'false',
    allowComments: 'true',
    hasComments: 'false',
    allowViewHistory: 'true',
    envelopeMetadata: { allowAdvancedCorrect: 'true', enableSignWithNotary: 'false', allowCorrect: 'true' },
    anySigner: null,
    envelopeLocation: 'current_site',
    isDynamicEnvelope: 'false',
    burnDefaultTabData: 'false',
  };
}

function signer(
  envelopeId: string,
  recipientId: string,
  name: string,
  email: string,
  envelopeStatus: string,
  at: (minutesAgo: number) => string,
) {
  const declines = envelopeStatus === 'declined' && recipientId === '1';
  const status =
    envelopeStatus === 'completed'
      ? 'completed'
      : declines
        ? 'declined'
        : isOneOf(envelopeStatus, 'created', 'sent')
          ? envelopeStatus
          : 'delivered';
  return {
    signatureInfo: { signatureName: name, signatureInitials: 'E', fontStyle: 'docusign3' },
    tabs: {
      signHereTabs: [
        tab(envelopeId, recipientId, 'signhere', 'SignHereTab', '120'),
        tab(envelopeId, recipientId, 'signhere', 'SignHereTab', '480'),
      ],
      dateSignedTabs: [tab(envelopeId, recipientId, 'datesigned', 'DateSignedTab', '160')],
    },
    creationReason: 'sender',
    isBulkRecipient: 'false',
    requireUploadSignature: 'false',
    name,
    email,
    recipientId,
    recipientIdGuid: uuidOf(envelopeId, 'recipient', recipientId),
    requireIdLookup: 'false',
    userId: uuidOf(email),
    routingOrder: '1',
    roleName: recipientId === '1' ? 'Client' : 'Guarantor',
    status,
    completedCount: status === 'completed' ? '1' : '0',
    ...(status === 'completed' ? { signedDateTime: at(0) } : {}),
    ...(status === 'declined' ? { declinedDateTime: at(0), declinedReason: 'Terms are not agreed' } : {}),
    ...(isOneOf(status, 'created', 'sent') ? {} : { deliveredDateTime: at(5) }),
    ...(status === 'created' ? {} : { sentDateTime: at(29) }),
    deliveryMethod: 'email',
    recipientType: 'signer',
  };
}

const tab = (envelopeId: string, recipientId: string, tabType: string, name: string, yPosition: string) => ({
  tabLabel: `${name} ${recipientId}`,
  documentId: '1',
  recipientId,
  pageNumber: '2',
  xPosition: '310',
  yPosition,
  tabId: uuidOf(envelopeId, recipientId, tabType, yPosition),
  tabType,
});

import type { SignedRequest } from '@semel/core';

/** Signed with Python's `hmac`, so that neither our code nor an SDK judges itself. */
type Vector = SignedRequest & { name: string; expect: boolean };

const json = Buffer.from('{"id":"evt_1","note":"Grüße"}');
const binary = Buffer.concat([
  Buffer.from('efbbbf', 'hex'),
  Buffer.from('{"id":"evt_1"}'),
  Buffer.from([0xff]),
]);
const v1 = 'v1=d43811f86b6c9d0ae815c8a2133283c866da2477882c65e1378d5c86eecd63e1';
const v1Rolled = 'v1=564d2705492d2cb61b99bea1b34beb07548bb9545ab6511b0c2f1139a38dfcee';
const v1Binary = 'v1=242e9e130fa484a5ed8eef3a0f6a945244613d5a314c951a4ebb893ed6e21248';
const wrong = `v1=${'0'.repeat(64)}`;

const stripe = (
  name: string,
  expect: boolean,
  header: string | string[] | undefined,
  { body = json, secrets = ['whsec_vector'], ageSeconds = 0 } = {},
): Vector => ({
  name,
  expect,
  body,
  headers: { 'stripe-signature': header },
  url: 'https://hooks.example.com/webhooks/stripe/ep_1',
  secrets,
  nowMs: (1_700_000_000 + ageSeconds) * 1000,
});

const t = 't=1700000000';

const signed =
  (headerName: string, defaults: Pick<Vector, 'body' | 'url' | 'secrets'>) =>
  (
    name: string,
    expect: boolean,
    header: string | string[] | undefined,
    other: Partial<Vector> = {},
  ): Vector => ({
    ...defaults,
    nowMs: 0,
    headers: { [headerName]: header },
    ...other,
    name,
    expect,
  });

const squareSignature = 'YYsrCitVaao7gaKYYr6vCrQZbuJg2vWXpqhAH0Shxtw=';
const square = signed('x-square-hmacsha256-signature', {
  body: json,
  url: 'https://hooks.example.com/webhooks/square/ep_1?a=1',
  secrets: ['square-vector-key'],
});

const docusignSignature = '68DtIpXO5wMTlyKSRFULmguSfxUcbe5goyx8uXytGgI=';
const docusign = signed('x-docusign-signature-1', {
  body: json,
  url: 'https://hooks.example.com/webhooks/docusign/ep_1',
  secrets: ['docusign-vector-key'],
});

const twilioSignature = 'zBgj4pZ/IbPw1DQCM8v9PdfWbxg=';
const twilioUrl = 'https://hooks.example.com/webhooks/twilio/ep_1/status';
const form = 'To=%2B12015550123&Body=Gr%C3%BC%C3%9Fe+%26+more&Media=b&Media=a&Empty=';
const twilio = signed('x-twilio-signature', {
  body: Buffer.from(form),
  url: twilioUrl,
  secrets: ['0123456789abcdef0123456789abcdef'],
});
const twilioJson = {
  body: Buffer.from('{"a":1}'),
  url: `${twilioUrl}?bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862`,
};
const twilioJsonSignature = 'z2wrwUnMNgD4hT5YT0psdnXITNA=';

export const vectors: Record<string, Vector[]> = {
  stripe: [
    stripe('signed', true, `${t},${v1}`),
    stripe('order of items', true, `${v1},${t}`),
    stripe('two secrets of ours, one of theirs', true, `${t},${v1}`, {
      secrets: ['whsec_x', 'whsec_vector'],
    }),
    stripe('rolled: two signatures, the new secret', true, `${t},${v1},${v1Rolled}`, {
      secrets: ['whsec_rolled'],
    }),
    stripe('a good one after an empty one', true, `${t},v1=,${v1}`),
    stripe('a good one after a wrong one', true, `${t},${wrong},${v1}`),
    stripe('not UTF-8, with a byte order mark', true, `${t},${v1Binary}`, { body: binary }),
    stripe('300 seconds old', true, `${t},${v1}`, { ageSeconds: 300 }),
    stripe('301 seconds old', false, `${t},${v1}`, { ageSeconds: 301 }),
    stripe('300 seconds ahead', true, `${t},${v1}`, { ageSeconds: -300 }),
    stripe('301 seconds ahead', false, `${t},${v1}`, { ageSeconds: -301 }),
    stripe('ten years ahead, its time last', false, `${v1},${t}`, { ageSeconds: -10 * 365 * 86_400 }),
    stripe('v0 is no way in', false, `${t},${v1.replace('v1', 'v0')}`),
    stripe('upper case', false, `${t},${v1.toUpperCase().replace('V1', 'v1')}`),
    stripe('a time with more behind it', false, `${t}x,${v1}`),
    stripe('no number as time', false, `t=abc,${v1}`),
    stripe('two times', false, `t=1600000000,${t},${v1}`),
    stripe('no time', false, v1),
    stripe('another time', false, `t=1700000001,${v1}`),
    stripe('empty body', false, `${t},${v1}`, { body: Buffer.alloc(0) }),
    stripe('a list of headers', false, [`${t},${v1}`]),
    stripe('no secrets', false, `${t},${v1}`, { secrets: [] }),
    stripe('an empty secret', false, `${t},${v1}`, { secrets: ['', ' '] }),
  ],
  square: [
    square('signed', true, squareSignature),
    square('one of several keys', true, squareSignature, { secrets: ['x', 'square-vector-key'] }),
    square('another URL', false, squareSignature, { url: 'https://hooks.example.com/webhooks/square/ep_1' }),
    square('another body', false, squareSignature, { body: Buffer.from('{}') }),
    square('SHA-1 header is no way in', false, undefined, {
      headers: { 'x-square-signature': squareSignature },
    }),
    square('an empty key', false, squareSignature, { secrets: [''] }),
    square('a list of headers', false, [squareSignature]),
  ],
  docusign: [
    docusign('signed', true, docusignSignature),
    docusign('the hundredth header, with gaps', true, undefined, {
      headers: { 'x-docusign-signature-2': 'short', 'x-docusign-signature-100': docusignSignature },
    }),
    docusign('the second key', true, docusignSignature, { secrets: ['x', 'docusign-vector-key'] }),
    docusign('header 0', false, undefined, { headers: { 'x-docusign-signature-0': docusignSignature } }),
    docusign('header 101', false, undefined, { headers: { 'x-docusign-signature-101': docusignSignature } }),
    docusign('a list of headers', false, [docusignSignature]),
    docusign('without the last character', false, docusignSignature.slice(0, -1)),
    docusign('an empty key', false, docusignSignature, { secrets: [''] }),
    docusign('another body', false, docusignSignature, { body: Buffer.from('{}') }),
  ],
  twilio: [
    twilio('a form with a repeated and an empty field', true, twilioSignature),
    twilio('the same fields in another order', true, twilioSignature, {
      body: Buffer.from(form.split('&').reverse().join('&')),
    }),
    twilio('a content type that lies', true, twilioSignature, {
      headers: { 'x-twilio-signature': twilioSignature, 'content-type': 'application/json' },
    }),
    twilio('the next token', true, twilioSignature, { secrets: ['x', '0123456789abcdef0123456789abcdef'] }),
    twilio('JSON with its hash in the URL', true, twilioJsonSignature, twilioJson),
    twilio('another JSON', false, twilioJsonSignature, { ...twilioJson, body: Buffer.from('{"a":2}') }),
    twilio('JSON under a form signature', false, twilioSignature, { body: Buffer.from('{"a":1}') }),
    twilio('a hash in the URL and a form', false, twilioJsonSignature, {
      ...twilioJson,
      body: Buffer.from(form),
    }),
    twilio('no empty field', false, twilioSignature, { body: Buffer.from(form.replace('&Empty=', '')) }),
    twilio('another URL', false, twilioSignature, { url: `${twilioUrl}?a=1` }),
    twilio('no URL', false, twilioSignature, { url: '/status' }),
    twilio('1,001 fields', false, twilioSignature, { body: Buffer.from(`${form}${'&'.repeat(1000)}`) }),
    twilio('a long name', false, twilioSignature, { body: Buffer.from(`${'n'.repeat(257)}=1`) }),
    twilio('an empty token', false, twilioSignature, { secrets: [''] }),
    twilio('a list of headers', false, [twilioSignature]),
  ],
};

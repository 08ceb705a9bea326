import type { SecretRefusal } from '@semel/core';

/** What people paste where a signing secret belongs. */
export interface Mistake {
  pattern: RegExp;
  /** Goes on after "This": `is an API key`. Never the text itself, but for a prefix that many share. */
  says: string;
}

/** No provider shows a signing secret like this. */
export const commonMistakes: readonly Mistake[] = [
  { pattern: /-----BEGIN /, says: 'is a key or a certificate in PEM form ("-----BEGIN …")' },
  { pattern: /\s/, says: 'has white space in it' },
  { pattern: /^["'`]|["'`]$/, says: 'has quotation marks around it' },
  { pattern: /[•●∙…]|\*{3}|\.{3}/, says: 'is masked: a part of it is not shown' },
  { pattern: /[^\x21-\x7e]/, says: 'has a character in it that no secret has' },
  { pattern: /^<.*>$|^\$\{?\w+\}?$/, says: 'is a placeholder, and not what belongs there' },
  { pattern: /^[a-z][a-z0-9+.-]*:\/\//i, says: 'is a URL' },
  { pattern: /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/, says: 'is an access token (a JWT)' },
  { pattern: /^\w+=[^=]/, says: 'is a whole line of settings, with a name before the secret' },
];

/** For providers whose secrets never begin like this. */
export const whsecMistake: Mistake = {
  pattern: /^whsec_/,
  says: 'is the secret of another provider: those of Stripe and Standard Webhooks begin with "whsec_"',
};

/** The refusal for the first mistake that matches, or null. `advice` says where the right secret is. */
export function refusal(secret: string, mistakes: readonly Mistake[], advice: string): SecretRefusal | null {
  const mistake = mistakes.find(({ pattern }) => pattern.test(secret));
  return mistake === undefined ? null : { message: `This ${mistake.says}`, advice };
}

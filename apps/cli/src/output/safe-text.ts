/** Text from outside must not move the cursor or colour the terminal: control and direction characters become visible. */
export const safeText = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

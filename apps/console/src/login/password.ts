import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export const userName = 'admin';

/** Compares in a time that tells nothing about what is right, whatever the lengths. */
export function passwordCheck(password: string): (user: string, given: string) => boolean {
  const key = randomBytes(32);
  const digest = (text: string) => createHmac('sha256', key).update(text).digest();
  const expected = [digest(userName), digest(password)] as const;
  return (user, given) => {
    const userFits = timingSafeEqual(digest(user), expected[0]);
    const passwordFits = timingSafeEqual(digest(given), expected[1]);
    return userFits && passwordFits;
  };
}

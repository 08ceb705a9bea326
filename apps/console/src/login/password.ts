import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export const userName = 'admin';

/** Creates a check that takes the same time for right and wrong input of any length. */
export function createPasswordCheck(password: string): (user: string, given: string) => boolean {
  const key = randomBytes(32);
  const digest = (text: string) => createHmac('sha256', key).update(text).digest();
  const expected = [digest(userName), digest(password)] as const;
  return (user, given) => {
    const userFits = timingSafeEqual(digest(user), expected[0]);
    const passwordFits = timingSafeEqual(digest(given), expected[1]);
    return userFits && passwordFits;
  };
}

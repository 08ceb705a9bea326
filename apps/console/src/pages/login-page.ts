import { layout } from './layout.js';

/** The login form, with the last error; never with the visitor's input, which would need escaping. */
export const loginPage = (message?: string): string =>
  layout(
    'Sign in',
    `<h1>Semel console</h1>
${message === undefined ? '' : `<p role="alert" id="problem">${message}</p>`}
<form method="post" action="/login">
<label for="username">User</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${message === undefined ? '' : ' aria-describedby="problem"'}>
<button type="submit">Sign in</button>
</form>`,
  );

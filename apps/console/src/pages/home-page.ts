import { layout } from './layout.js';

export const homePage: string = layout(
  'Home',
  `<h1>Semel console</h1>
<ul>
<li><a href="/queues">Queues</a></li>
<li><a href="/metrics">Metrics</a></li>
<li><a href="/readyz">Readiness</a></li>
</ul>
<form method="post" action="/logout"><button type="submit">Sign out</button></form>`,
);

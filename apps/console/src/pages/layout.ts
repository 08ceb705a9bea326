import { createHash } from 'node:crypto';

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText }
main { width: min(22rem, 100% - 2rem); padding: 2rem 0 }
h1 { margin: 0 0 1.5rem; font-size: 1.5rem }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600 }
input { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; border: 1px solid GrayText; border-radius: .375rem }
button { margin-top: 1.5rem; padding: .6rem 1.25rem; font: inherit; font-weight: 600; border: 0; border-radius: .375rem; background: #1f4fd8; color: #fff; cursor: pointer }
:focus-visible { outline: 3px solid #6b9bff; outline-offset: 2px }
[role=alert] { padding: .75rem 1rem; border-left: 4px solid #d23; background: color-mix(in srgb, #d23 12%, Canvas) }
ul { padding-left: 1.25rem }
`;

/** The only style that the Content-Security-Policy allows. */
export const styleHash = `sha256-${createHash('sha256').update(style).digest('base64')}`;

/** Returns a complete page. Escapes nothing: `title` and `main` must not contain a visitor's input. */
export const layout = (title: string, main: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Semel console</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;

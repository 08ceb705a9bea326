/** An HTML page that shows a terminal with a command and its output. Long lines wrap, as in a terminal. */
export const terminalPage = (command, output) => `<!doctype html>
<meta charset="utf-8">
<style>
body { margin: 0; background: #fff }
main { box-sizing: border-box; width: 1200px; padding: 20px 24px 24px; background: #16191f; color: #d8dee9;
  font: 16px/22px "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre-wrap; word-break: break-all }
i { color: #8fbf6f; font-style: normal }
b { color: #fff }
</style>
<main><i>$</i> <b>${escaped(command)}</b>
${escaped(output.trimEnd())}</main>
`;

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

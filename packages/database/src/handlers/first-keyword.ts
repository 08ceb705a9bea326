/** The first keyword of a statement in lower case, after white space, comments and empty statements; '' if there is none. */
export function firstKeyword(sql: string): string {
  let at = 0;
  for (;;) {
    if (/[\s;]/.test(sql[at] ?? '')) at++;
    else if (sql.startsWith('--', at)) at = endOfLine(sql, at);
    else if (sql.startsWith('/*', at)) at = endOfComment(sql, at);
    else return /^\w+/.exec(sql.slice(at))?.[0].toLowerCase() ?? '';
  }
}

function endOfLine(sql: string, from: number): number {
  const length = sql.slice(from).search(/[\n\r]/);
  return length < 0 ? sql.length : from + length;
}

/** In PostgreSQL, block comments nest. */
function endOfComment(sql: string, from: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  for (let depth = 0; ; ) {
    const found = mark.exec(sql);
    if (found === null) return sql.length;
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
}

import { z } from 'zod';
import type { Secrets } from './secrets.js';
import { metaOf } from './variable.js';

export interface VariableSource {
  env: NodeJS.ProcessEnv;
  /** What is read where the environment has no value. */
  stored: Secrets;
  /** The file of the stored values. */
  storedIn: string;
}

/** `problems`: a line for each variable that is set but wrong. `values` is null where there is one. */
export interface ReadVariables<Values> {
  values: Values | null;
  problems: string[];
}

/** Reads the variables of a schema whose fields are variables, or objects of variables. */
export function readVariables<Schema extends z.ZodObject>(
  schema: Schema,
  source: VariableSource,
): ReadVariables<z.infer<Schema>> {
  const parsed = schema.safeParse(textsOf(schema, source));
  if (parsed.success) return { values: parsed.data, problems: [] };
  const lines = parsed.error.issues.map(({ path }) => describeProblem(fieldAt(schema, path), source));
  return { values: null, problems: [...new Set(lines)] };
}

const textsOf = (schema: z.ZodObject, source: VariableSource): object =>
  Object.fromEntries(
    Object.entries(schema.shape).map(([key, field]) => [
      key,
      field instanceof z.ZodObject ? textsOf(field, source) : textOf(field as z.ZodType, source),
    ]),
  );

function textOf(field: z.ZodType, { env, stored }: VariableSource): string | null {
  const { name, default: fallback = null } = metaOf(field);
  return env[name] || (stored as NodeJS.ProcessEnv)[name] || fallback; // compose files pass an unset variable as ''
}

function fieldAt(schema: z.ZodObject, path: readonly PropertyKey[]): z.ZodType {
  let field: z.ZodType = schema;
  for (const key of path) if (field instanceof z.ZodObject) field = field.shape[key as string];
  return field;
}

function describeProblem(field: z.ZodType, source: VariableSource): string {
  const { name, expected, secret } = metaOf(field);
  const where = source.env[name] ? '' : ` in ${source.storedIn}`;
  return `${name}${where}: expected ${expected}${secret ? '' : `, not \`${textOf(field, source)}\``}`;
}

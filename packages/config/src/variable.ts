import { z } from 'zod';

/** What `.env.example`, docs/configuration.md and error messages say about one variable. */
export interface VariableMeta {
  /** The name of the environment variable. */
  name: string;
  description: string;
  /** Completes "expected …" in an error. */
  expected: string;
  /** The text that is parsed while the variable is unset. */
  default?: string;
  /** What applies while the variable is unset, where `default` does not say it. */
  unset?: string;
  /** True: no error quotes the value. */
  secret?: true;
}

/** A variable whose schema parses its text. A nullable schema yields null while the variable is unset. */
export const variable = <Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  meta: Omit<VariableMeta, 'name'>,
): Schema => schema.meta({ name, ...meta });

export const metaOf = (schema: z.ZodType): VariableMeta => schema.meta() as unknown as VariableMeta;

export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);

export const whole = (name: string, min: number, max: number, fallback: number, description: string) =>
  variable(name, integer(min, max), {
    description,
    expected: `a whole number from ${min} to ${max}`,
    default: String(fallback),
  });

export const millis = (name: string, fallback: number, description: string) =>
  whole(name, 1, 3_600_000, fallback, description);

export const factor = (name: string, max: number, fallback: number, description: string) =>
  variable(
    name,
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number)
      .refine((value) => value > 0 && value <= max),
    { description, expected: `a number above 0, at most ${max}`, default: String(fallback) },
  );

/** `0` or `1`. */
export const flag = () => z.enum(['0', '1', 'true', 'false']).transform((text) => /^(1|true)$/.test(text));

export const url = (protocols: readonly string[]) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol));

/** Without a trailing slash. */
export const baseUrl = () => url(['http:', 'https:']).transform((text) => text.replace(/\/+$/, ''));

/** A key in one line, as environment files hold it, has `\\n` where the lines end. */
export const privateKey = () =>
  z
    .string()
    .transform((text) => text.replaceAll('\\n', '\n').trim())
    .refine((text) =>
      /^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[\s\S]+\n-----END [A-Z ]*PRIVATE KEY-----$/.test(text),
    );

export const guid = () => z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i);

/** 32 bytes in base64 (44 characters) or hex (64 characters). */
export const encryptionKey = () =>
  z
    .string()
    .transform(toKey)
    .refine((key) => key !== null);

function toKey(text: string): Buffer | null {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  const bytes = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : null;
  return bytes?.length === 32 ? bytes : null;
}

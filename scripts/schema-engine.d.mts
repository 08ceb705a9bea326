import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';

export function diffAgainstSchema(options: {
  databaseUrl: string;
  migrationsDir: string;
  schemaDir: string;
}): Promise<{ sql: string; summary: string }>;

export function listMigrations(dir: string): MigrationList;

export function withSchemaEngine<T>(
  options: { databaseUrl: string; schema?: [path: string, content: string][] },
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T>;

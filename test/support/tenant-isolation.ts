import pg from 'pg';

/** The database's tenant isolation: policies, rights, owners of functions, and the roles themselves. */
export async function readIsolation(databaseUrl: string): Promise<Record<string, unknown[]>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const isolation: Record<string, unknown[]> = {};
    for (const [what, sql] of Object.entries(queries)) isolation[what] = (await client.query(sql)).rows;
    return isolation;
  } finally {
    await client.end();
  }
}

const queries = {
  roles: `SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcanlogin, rolinherit FROM pg_roles
    WHERE rolname LIKE 'semel%' ORDER BY 1`,
  memberships: `SELECT m.roleid::regrole::text AS role, m.member::regrole::text AS member, m.admin_option FROM pg_auth_members m
    WHERE m.roleid::regrole::text LIKE 'semel%' OR m.member::regrole::text LIKE 'semel%' ORDER BY 1, 2`,
  policies: `SELECT tablename, policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies
    WHERE schemaname = 'public' ORDER BY 1, 2`,
  relations: `SELECT relname, relkind, relowner::regrole::text AS owner, relrowsecurity, relforcerowsecurity, reloptions
    FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`,
  rights: `SELECT c.relname, a.grantee::regrole::text AS grantee, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2, 3`,
  columnRights: `SELECT c.relname, t.attname, a.grantee::regrole::text AS grantee, a.privilege_type
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid, aclexplode(t.attacl) a
    WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2, 3, 4`,
  functions: `SELECT p.proname, p.proowner::regrole::text AS owner, p.prosecdef, p.proconfig,
      ARRAY(SELECT a.grantee::regrole::text || ' ' || a.privilege_type FROM aclexplode(p.proacl) a ORDER BY 1) AS rights
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1`,
  schema: `SELECT a.grantee::regrole::text AS grantee, a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a
    WHERE n.nspname = 'public' ORDER BY 1, 2`,
  triggers: `SELECT tgrelid::regclass::text AS relation, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2`,
};

import type pg from 'pg';

// A test cannot fill a real disk. Instead, while a switch is on, every insert into an event table fails with
// PostgreSQL's disk-full error, SQLSTATE 53100. The server's own behaviour on a full disk is not simulated.

export const diskFullSql = `
  CREATE SCHEMA faults;
  GRANT USAGE ON SCHEMA faults TO PUBLIC;
  CREATE TABLE faults.disk (is_full boolean NOT NULL);
  INSERT INTO faults.disk VALUES (false);
  CREATE FUNCTION faults.refuse_when_full() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    IF (SELECT is_full FROM faults.disk) THEN
      RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END IF;
    RETURN NULL;
  END $$;
  DO $$
  DECLARE name text;
  BEGIN
    FOR name IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'public' AND c.relkind = 'r'
        AND (c.relname LIKE '%webhook_%' OR c.relname = 'domain_changes')
    LOOP
      EXECUTE format('CREATE TRIGGER disk_full BEFORE INSERT ON %I EXECUTE FUNCTION faults.refuse_when_full()', name);
    END LOOP;
  END $$;`;

export const setDiskFull = (sql: pg.Pool, isFull: boolean) =>
  sql.query('UPDATE faults.disk SET is_full = $1', [isFull]);

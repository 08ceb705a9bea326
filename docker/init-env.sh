#!/bin/sh
# Creates docker/.env with new secrets, readable only by its owner. Never replaces an existing one: without SEMEL_ENCRYPTION_KEY the
# providers' signing secrets in the database are lost.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
  echo 'docker/.env is there already: keep it, and back it up; docs/operations.md says how to add a variable of a new version' >&2
  exit 1
fi
umask 077
word() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
cat >.env.new <<END
SEMEL_ENCRYPTION_KEY=$(head -c 32 /dev/urandom | base64)
POSTGRES_PASSWORD=$(word)
RECEIVER_DATABASE_PASSWORD=$(word)
WORKER_DATABASE_PASSWORD=$(word)
CONSOLE_DATABASE_PASSWORD=$(word)
REDIS_PASSWORD=$(word)
CONSOLE_PASSWORD=$(word)
GRAFANA_PASSWORD=$(word)
PUBLIC_BASE_URL=${PUBLIC_BASE_URL:-http://127.0.0.1:8080}
END
mv .env.new .env
echo 'docker/.env is created: back it up, and set PUBLIC_BASE_URL in it to the address that providers call' >&2

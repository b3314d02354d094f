#!/bin/sh
# 010-nodes.sh: runs once in each server of compose.citus.yaml, when its database is made. The servers log in to each
# other with the password that ordersd uses. nodeid 0 means every node.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$(cat "$POSTGRES_PASSWORD_FILE")" <<'SQL'
CREATE EXTENSION IF NOT EXISTS citus;
INSERT INTO pg_dist_authinfo (nodeid, rolename, authinfo) VALUES (0, current_user, 'password=' || :'password');
SQL

#!/bin/sh
# Run once by the official image, when its data folder is empty: roles and databases, no tables.
# `python -m shared.migrate` makes the tables and grants the rights.
set -eu

run() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"; }

role() {
    run --set name="$1" --set password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
SQL
}

database() {
    run --set name="$1" <<'SQL'
CREATE DATABASE :"name" OWNER huzhu_owner;
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO :"name";
SQL
}

role huzhu_owner "$HUZHU_OWNER_PASSWORD"
role huzhu_members "$HUZHU_MEMBERS_PASSWORD"
role huzhu_checkin "$HUZHU_CHECKIN_PASSWORD"
role huzhu_points "$HUZHU_POINTS_PASSWORD"
role huzhu_rewards "$HUZHU_REWARDS_PASSWORD"
for service in members checkin points rewards; do
    database "huzhu_$service"
done

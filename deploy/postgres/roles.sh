#!/bin/sh
# Run once by the official image, when its data folder is empty: roles and databases, no tables.
# `python -m shared.migrate` makes the tables and grants the rights.
# Every password X may be given as X_FILE, the path of a file that holds it.
set -eu

run() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"; }

password() { # of which variable
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    if [ -z "$value" ] && [ -n "$file" ]; then
        value=$(cat "$file")
    fi
    # As shared/settings.py judges them: 16 characters, 8 of them different.
    if [ "${#value}" -lt 16 ] || [ "$(printf %s "$value" | fold -w 1 | sort -u | wc -l)" -lt 8 ]; then
        echo "$1 is missing, or a placeholder and not a secret; ./dev secrets makes them" >&2
        return 1
    fi
    printf %s "$value"
}

role() { # name, variable of its password
    secret=$(password "$2")
    run --set name="$1" --set password="$secret" <<'SQL'
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

password POSTGRES_PASSWORD >/dev/null
role huzhu_owner HUZHU_OWNER_PASSWORD
role huzhu_members HUZHU_MEMBERS_PASSWORD
role huzhu_checkin HUZHU_CHECKIN_PASSWORD
role huzhu_points HUZHU_POINTS_PASSWORD
role huzhu_rewards HUZHU_REWARDS_PASSWORD
for service in members checkin points rewards; do
    database "huzhu_$service"
done

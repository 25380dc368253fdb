# Accounts of a new MySQL, made once by its image's entry point, which sources this: the login of the workers, which has no
# rights but to take the role of those without credentials; and the exporter's.
# shellcheck shell=bash

# As a string of SQL.
quoted() { printf "'%s'" "$(sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g" "$1")"; }

docker_process_sql <<SQL
CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4;
CREATE ROLE IF NOT EXISTS trivet_anon;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO trivet_anon;
CREATE USER IF NOT EXISTS trivet_authenticator@'%' IDENTIFIED BY $(quoted /run/secrets/mysql_password);
GRANT trivet_anon TO trivet_authenticator@'%';
CREATE USER IF NOT EXISTS exporter@'%' IDENTIFIED BY $(quoted /run/secrets/mysql_exporter_password) WITH MAX_USER_CONNECTIONS 3;
GRANT PROCESS, REPLICATION CLIENT ON *.* TO exporter@'%';
GRANT SELECT ON performance_schema.* TO exporter@'%';
SQL

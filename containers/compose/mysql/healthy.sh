# Whether MySQL lets the workers' login in, over TCP. While the entry point sets the server up there is no TCP.
# shellcheck shell=bash
set -euo pipefail
MYSQL_PWD=$(</run/secrets/mysql_password)
export MYSQL_PWD
exec mysql --no-defaults --protocol=tcp --host=127.0.0.1 --user=trivet_authenticator --silent --execute='SELECT 1' >/dev/null

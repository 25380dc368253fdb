# Loads the sample shop into private stores, each once: what a person deleted stays deleted.
# Sourced after stores.sh. It may not write to a store that ./dev did not start itself.
# shellcheck shell=bash

# sample_load DIR
sample_load() {
    local from=$TRIVET_SRC/devtools/sample
    [ ! -e "$1/sample" ] || return 0
    case $(<"$1/kind") in
    mariadb | mysql97) mysql_admin "$1" shop <"$from/shop.sql" ;;
    redis) redis-cli -s "$(<"$1/socket")" <"$from/shop.redis" | sed 's/^/redis: /' ;;
    *) "$from/load-doc" "$(<"$1/socket")" ;;
    esac
    : >"$1/sample"
}

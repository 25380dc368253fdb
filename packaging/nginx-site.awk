# nginx-site.awk: makes of nginx.conf, which is a whole nginx's, the parts that go into an nginx that serves other sites as well.
#   awk -v part=http|server|ops -v run=RUN-DIR -v conf=CONF-DIR -f nginx-site.awk NGINX.CONF
# http: what is possible at the level of http alone (maps, upstreams, the log's format) and touches no other site.
# server, ops: the public and the operations server's inside, with all settings that nginx.conf makes for both.
# Left out: what the surrounding nginx decides (user, processes, ports, logs, its own directories). It reads and prints only.

function fail(text) {
    print "nginx-site: " text >"/dev/stderr"
    failed = 1
    exit 1
}

function read_file(name,    line, text) {
    while ((status = (getline line <name)) > 0) text = text line "\n"
    if (status < 0) fail(name " cannot be read")
    close(name)
    return text
}

# The length of the statement that text begins with, comments before it and after it on its line included; 0 at the end.
function statement_length(text,    i, n, c, quote, depth, rest) {
    n = length(text)
    for (i = 1; i <= n; i++) {
        c = substr(text, i, 1)
        if (quote != "") {
            if (c == "\\") i++
            else if (c == quote) quote = ""
        } else if (c == "\"" || c == "'") quote = c
        else if (c == "#") i += index(substr(text, i), "\n") - 1
        else if (c == "{") depth++
        else if (c == "}" && --depth < 0) fail("a } too many")
        else if (c == "\\") i++
        if (depth == 0 && quote == "" && (c == ";" || c == "}")) {
            rest = substr(text, i + 1)
            if (match(rest, /^[ \t]*(#[^\n]*)?\n/)) i += RLENGTH
            return i
        }
    }
    if (depth > 0 || quote != "") fail("the end comes inside a block or a quotation")
    return 0
}

# A statement without the comments before it.
function bare(text) {
    while (match(text, /^[ \t\n]*#[^\n]*\n/)) text = substr(text, RLENGTH + 1)
    sub(/^[ \t\n]+/, "", text)
    return text
}

function inside(text,    from) {
    from = index(text, "{")
    sub(/}[^}]*$/, "", text)
    return substr(text, from + 1)
}

# Moves a statement to the left margin and prints it; a comment that belongs to nothing printed goes with what follows.
function emit(text,    margin, lines, n, i) {
    if (sub(/^([ \t]*\n)+/, "", text) && out != "") out = out "\n"
    match(text, /^ */)
    margin = RLENGTH
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++) {
        if (substr(lines[i], 1, margin) ~ /^ *$/) lines[i] = substr(lines[i], margin + 1)
        if (i < n || lines[i] != "") out = out lines[i] "\n"
    }
}

function walk_server(text,    n, statement) {
    while ((n = statement_length(text)) > 0) {
        statement = substr(text, 1, n)
        text = substr(text, n + 1)
        if (bare(statement) !~ /^listen[ \t]/) emit(statement)
    }
}

function walk_http(text,    n, statement, plain, name) {
    while ((n = statement_length(text)) > 0) {
        statement = substr(text, 1, n)
        text = substr(text, n + 1)
        plain = bare(statement)
        match(plain, /^[a-z_]+/)
        name = substr(plain, 1, RLENGTH)
        if (name == "include") {
            match(plain, /@CONF@\/[^";]+/)
            walk_http(read_file(directory substr(plain, RSTART + 7, RLENGTH - 7)))
        } else if (name == "server") {
            if (++servers == (part == "server" ? 1 : 2)) own = inside(plain)
        } else if (name == "map" || name == "upstream" || name == "log_format") {
            if (part == "http") emit(statement)
        } else if (name != "access_log" && name !~ /_temp_path$/ && part != "http")
            emit(statement)
    }
}

BEGIN {
    if (part !~ /^(http|server|ops)$/ || run == "" || conf == "" || ARGC != 2) fail("see the head of this file for its arguments")
    directory = ARGV[1]
    sub(/[^\/]*$/, "", directory)
    text = read_file(ARGV[1])
    while ((n = statement_length(text)) > 0) {
        plain = bare(substr(text, 1, n))
        if (plain ~ /^http[ \t\n{]/) walk_http(inside(plain))
        text = substr(text, n + 1)
    }
    if (servers != 2) fail("nginx.conf has " servers + 0 " servers; the public one and that of operations were expected")
    walk_server(part == "http" ? "" : own)
    gsub(/@RUN@/, run, out)
    gsub(/@CONF@/, conf, out)
    if (match(out, /@[A-Z_]+@/)) fail("a place that is not known here: " substr(out, RSTART, RLENGTH))
    print "# Made of nginx.conf; changes here are lost. For an `include` at the level of " (part == "http" ? "http, once." : "server.")
    printf "%s", out
    exit
}

END { exit failed }

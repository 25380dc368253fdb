/*
 * mysql_link.c - the connection: how it is opened, what is settled once on it, whether it still lives, and what its errors
 * mean. It never sends a caller's statement.
 */
#include <errmsg.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/mysql_session.h"

enum {
    RETRY_AFTER = 1,     /* seconds: a store that is back is used again within one */
    RETRY_FIRST_MS = 25, /* after a failed connect, doubled with each further one */
    RETRY_LAST_MS = 250, /* well below the second within which a store that is back has to be used */
    GRACE_MS = 100,      /* the server's own time limit comes first: its answer keeps the connection */
    LOCK_WAIT_MAX_S = 3600,
};

/* What every connection is set to. The modes make a store refuse what PostgreSQL would refuse, rather than bend it. */
#define SETTLE                                                                           \
    "SET SESSION autocommit=1,sql_mode='STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE," \
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',time_zone='+00:00',"             \
    "innodb_lock_wait_timeout=%d,lock_wait_timeout=%d,"

/* --- waiting --- */

#ifdef MARIADB_PACKAGE_VERSION_ID
static _Thread_local int64_t wait_until_ms = INT64_MAX;

/* Called by the library whenever it has to wait. Its own timeouts are whole seconds; ours are the request's. */
static int wait_for_socket(my_socket socket, my_bool reads, int timeout_ms)
{
    for (;;) {
        int64_t left = wait_until_ms - tv_clock_ms();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return 0;
        }
        if (timeout_ms > 0 && left > timeout_ms)
            left = timeout_ms;
        struct pollfd wanted = {.fd = socket, .events = reads ? POLLIN : POLLOUT};
        int ready = poll(&wanted, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            errno = ETIMEDOUT;
        return ready;
    }
}

void tv_mysql_wait_until(struct tv_mysql *session, int64_t deadline_ms)
{
    (void)session;
    wait_until_ms = deadline_ms;
}
#else
void tv_mysql_wait_until(struct tv_mysql *session, int64_t deadline_ms)
{
    (void)session;
    (void)deadline_ms;
}
#endif

/* Nothing is due on an idle connection: whatever poll reports, bytes or the end, means that it is of no use any more. */
static bool idle_is_alive(const struct tv_mysql *session)
{
#ifdef MARIADB_PACKAGE_VERSION_ID
    int socket = mysql_get_socket(session->link);
#else
    int socket = session->link->net.fd;
#endif
    struct pollfd state = {.fd = socket, .events = POLLIN | POLLRDHUP};
    return socket >= 0 && poll(&state, 1, 0) == 0; /* none: the library closed it over an error */
}

/* --- errors --- */

/* The server says these and closes, or they come instead of an answer: the connection is of no use any more. */
static bool ends_connection(unsigned number)
{
    switch (number) {
    case 1053: /* server shutdown in progress */
    case 1077: /* normal shutdown */
    case 1079: /* shutdown complete */
    case 1080: /* forced close */
    case 1152: /* aborted connection */
    case 1158: /* network errors, to 1161 */
    case 1159:
    case 1160:
    case 1161:
    case 1184: /* aborted, with a reason */
    case 1927: /* MariaDB: connection was killed */
    case 3169: /* MySQL: session was killed */
    case 4031: /* MySQL: closed for having been idle */ return true;
    default: return (number >= 2000 && number < 3000) || (number >= 5000 && number < 6000);
    }
}

bool tv_mysql_failed(struct tv_mysql *session, unsigned number, const char *state, const char *message,
                     int64_t deadline_ms, struct tv_error *error)
{
    if (!ends_connection(number)) {
        tv_fail(error, 500, state && *state ? state : "HY000", "%s", message);
        error->native = (int)number;
        return false;
    }
    tv_watch_store_error(session->watch.watcher, TV_STORE_MYSQL);
    tv_breaker_failure(session->watch.breaker, session->settings->breaker_failures);
    if (number == CR_SERVER_LOST && tv_clock_ms() >= deadline_ms) {
        tv_fail(error, 504, NULL, "MySQL did not answer in time; what was sent may still be executed");
    } else {
        tv_fail(error, 503, NULL, "the connection to MySQL broke; what was sent may have been executed");
        error->retry_after = RETRY_AFTER;
    }
    error->native = (int)number;
    tv_mysql_drop(session);
    return false;
}

/* --- opening and closing --- */

void tv_mysql_drop(struct tv_mysql *session)
{
    if (session->link) {
        mysql_close(session->link); /* first: closing statements then sends nothing */
        session->link = NULL;
        tv_watch_connection(session->watch.watcher, TV_STORE_MYSQL, false);
    }
    tv_mysql_statements_forget(session);
    session->running = NULL;
    session->rows_due = false;
    session->role_known = false;
}

static unsigned whole_seconds(int64_t milliseconds)
{
    int64_t seconds = (milliseconds + 999) / 1000;
    return seconds < 1 ? 1 : (unsigned)seconds;
}

static void set_tls(const struct tv_mysql_url *url, MYSQL *link)
{
#ifdef MARIADB_PACKAGE_VERSION_ID
    my_bool enforce = url->tls == TV_MYSQL_TLS_REQUIRE || url->tls == TV_MYSQL_TLS_VERIFY;
    my_bool verify = url->tls == TV_MYSQL_TLS_VERIFY;
    mysql_optionsv(link, MYSQL_OPT_SSL_ENFORCE, &enforce);
    mysql_optionsv(link, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify); /* on by default from 3.4 on */
    if (url->ca)
        mysql_optionsv(link, MYSQL_OPT_SSL_CA, url->ca);
#else
    static const unsigned modes[] = {
        [TV_MYSQL_TLS_DEFAULT] = SSL_MODE_PREFERRED,
        [TV_MYSQL_TLS_OFF] = SSL_MODE_DISABLED,
        [TV_MYSQL_TLS_REQUIRE] = SSL_MODE_REQUIRED,
        [TV_MYSQL_TLS_VERIFY] = SSL_MODE_VERIFY_IDENTITY,
    };
    mysql_options(link, MYSQL_OPT_SSL_MODE, &modes[url->tls]);
    if (url->ca)
        mysql_options(link, MYSQL_OPT_SSL_CA, url->ca);
    else if (url->tls == TV_MYSQL_TLS_VERIFY)
        mysql_options(link, MYSQL_OPT_SSL_CAPATH, "/etc/ssl/certs");
    /* caching_sha2_password on an unencrypted line asks for the server's key; MariaDB's library does so by itself */
    bool ask = url->tls == TV_MYSQL_TLS_DEFAULT || url->tls == TV_MYSQL_TLS_OFF;
    mysql_options(link, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &ask);
#endif
}

static void set_options(const struct tv_mysql *session, MYSQL *link, int64_t connect_ms)
{
    unsigned connect_s = whole_seconds(connect_ms);
    unsigned answer_s = whole_seconds(session->settings->leg[TV_STORE_MYSQL].query_timeout) + 1;
    unsigned local_files = 0;
    unsigned protocol = session->url.socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    tv_mysql_bool no = 0;
    mysql_options(link, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(link, MYSQL_OPT_READ_TIMEOUT, &answer_s);
    mysql_options(link, MYSQL_OPT_WRITE_TIMEOUT, &answer_s);
    mysql_options(link, MYSQL_OPT_LOCAL_INFILE, &local_files);
    mysql_options(link, MYSQL_OPT_PROTOCOL, &protocol); /* "localhost" must not come to mean a socket */
    mysql_options(link, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(link, MYSQL_REPORT_DATA_TRUNCATION, &no); /* lengths tell; see mysql_row.c */
    mysql_options4(link, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "trivet");
    set_tls(&session->url, link);
#ifdef MARIADB_PACKAGE_VERSION_ID
    mysql_optionsv(link, MARIADB_OPT_IO_WAIT, wait_for_socket);
#endif
}

/* Statements may take as long as the store's query_timeout: said to the server, which then ends them itself. On MySQL that
 * holds for SELECT only; what else could wait for long waits for a lock, and these waits are limited too. */
static bool settle(struct tv_mysql *session, int64_t deadline_ms, struct tv_error *error)
{
    int64_t usual = session->settings->leg[TV_STORE_MYSQL].query_timeout;
    int lock_wait = (int)whole_seconds(usual);
    if (lock_wait > LOCK_WAIT_MAX_S)
        lock_wait = LOCK_WAIT_MAX_S;
    char text[512];
    int length = session->flavour == TV_MARIADB_SERVER
                     ? snprintf(text, sizeof text, SETTLE "max_statement_time=%.3f", lock_wait, lock_wait,
                                (double)usual / 1000)
                     : snprintf(text, sizeof text, SETTLE "max_execution_time=%lld", lock_wait, lock_wait,
                                (long long)usual);
    if (length < 0 || (size_t)length >= sizeof text)
        return tv_fail(error, 500, NULL, "the settings of a connection do not fit");
    session->limit_ms = usual;
    return tv_mysql_command(session, text, (size_t)length, deadline_ms, error);
}

/* Many workers that lost the same store do not come back at the same moment. */
static void back_off(struct tv_mysql *session)
{
    int64_t delay = session->retry_delay_ms * 2;
    if (delay < RETRY_FIRST_MS)
        delay = RETRY_FIRST_MS;
    if (delay > RETRY_LAST_MS)
        delay = RETRY_LAST_MS;
    session->retry_delay_ms = delay;
    session->retry_at_ms = tv_clock_ms() + delay / 2 + rand_r(&session->retry_seed) % (delay / 2 + 1);
}

static bool refused(struct tv_mysql *session, MYSQL *link, struct tv_error *error)
{
    unsigned number = mysql_errno(link);
    bool answered = number < 2000; /* it is there, it only does not let us in: no reason to stop asking it */
    tv_fail(error, 503, NULL, "%s: %s", answered ? "MySQL refuses the connection" : "MySQL cannot be reached",
            mysql_error(link));
    error->native = (int)number;
    error->retry_after = RETRY_AFTER;
    tv_watch_store_error(session->watch.watcher, TV_STORE_MYSQL);
    if (!answered)
        tv_breaker_failure(session->watch.breaker, session->settings->breaker_failures);
    back_off(session);
    return false;
}

static bool open_link(struct tv_mysql *session, int64_t timeout_ms, struct tv_error *error)
{
    const struct tv_mysql_url *url = &session->url;
    MYSQL *link = mysql_init(NULL);
    if (!link)
        return tv_fail(error, 500, NULL, "out of memory for a connection to MySQL");
    set_options(session, link, timeout_ms);
    tv_mysql_wait_until(session, tv_clock_ms() + timeout_ms);
    /* no database: the login need not be allowed to use one before it has its role, and names are qualified anyway */
    if (!mysql_real_connect(link, url->host, url->user, url->password, NULL, (unsigned)url->port, url->socket,
                            CLIENT_FOUND_ROWS)) {
        refused(session, link, error);
        mysql_close(link);
        return false;
    }
    if (url->tls >= TV_MYSQL_TLS_REQUIRE &&
        !mysql_get_ssl_cipher(link)) { /* MariaDB's library lets it pass */
        mysql_close(link);
        back_off(session);
        tv_watch_store_error(session->watch.watcher, TV_STORE_MYSQL);
        return tv_fail(error, 503, NULL, "MySQL offers no TLS, which mysql.url requires");
    }
    session->link = link;
    session->flavour = strstr(mysql_get_server_info(link), "MariaDB") ? TV_MARIADB_SERVER : TV_MYSQL_SERVER;
    session->role_known = false; /* a login may come with a default role */
    session->retry_delay_ms = session->retry_at_ms = 0;
    tv_watch_connection(session->watch.watcher, TV_STORE_MYSQL, true);
    tv_breaker_success(session->watch.breaker);
    return true;
}

bool tv_mysql_connect(struct tv_mysql *session, int64_t deadline_ms, struct tv_error *error)
{
    int64_t now = tv_clock_ms();
    int64_t timeout =
        tv_deadline_within(deadline_ms, session->settings->leg[TV_STORE_MYSQL].connect_timeout) - now;
    if (timeout <= 0)
        return tv_fail(error, 504, NULL, "no time is left to connect to MySQL");
    if (now < session->retry_at_ms) {
        tv_fail(error, 503, NULL, "MySQL cannot be reached");
        tv_error_details(error, "a connection failed a moment ago; the next try follows shortly");
        error->retry_after = RETRY_AFTER;
        return false;
    }
    struct tv_reach reach = tv_watch_reach(session->watch.watcher, TV_STORE_MYSQL);
    bool opened = open_link(session, timeout, error);
    tv_watch_reached(session->watch.watcher, &reach);
    if (opened && settle(session, now + timeout, error))
        return true;
    tv_mysql_drop(session);
    return false;
}

/* Statements are built here with placeholders for values, so their text is their shape. */
struct tv_call tv_mysql_call_of(struct tv_slice statement)
{
    static const char *const verbs[] = {"SELECT", "INSERT", "UPDATE",   "DELETE", "REPLACE", "CALL", "SET",
                                        "START",  "COMMIT", "ROLLBACK", "WITH",   "DO",      "SHOW"};
    struct tv_call call = {.store = TV_STORE_MYSQL, .verb = "other", .shape = statement, .waits = true};
    struct tv_slice first = tv_slice_cut(statement, 0, tv_slice_find(statement, ' '));
    for (size_t i = 0; i < TV_COUNT(verbs); i++)
        if (tv_slice_is(first, verbs[i]))
            call.verb = verbs[i];
    return call;
}

bool tv_mysql_command(struct tv_mysql *session, const char *text, size_t length, int64_t deadline_ms,
                      struct tv_error *error)
{
    struct tv_call call = tv_mysql_call_of((struct tv_slice){text, length});
    tv_mysql_wait_until(session, deadline_ms + GRACE_MS);
    tv_watch_call(session->watch.watcher, &call, 1);
    bool done = mysql_real_query(session->link, text, length) == 0;
    if (!done)
        tv_mysql_failed(session, mysql_errno(session->link), mysql_sqlstate(session->link),
                        mysql_error(session->link), deadline_ms, error);
    tv_watch_called(session->watch.watcher, &call, done ? NULL : error);
    return done;
}

/* --- before a statement --- */

static bool same(const struct tv_mysql_text *a, const struct tv_mysql_text *b)
{
    return a->length == b->length && memcmp(a->data, b->data, a->length) == 0;
}

/* The name stands between backticks, doubled within: nothing in it can end the identifier. */
static bool apply_role(struct tv_mysql *session, int64_t deadline_ms, struct tv_error *error)
{
    if (session->role_known && same(&session->role, &session->role_applied))
        return true;
    char text[2 * TV_MYSQL_ROLE_MAX + 32] = "SET ROLE NONE";
    size_t length = strlen(text);
    if (session->role.length > 0) {
        length = (size_t)snprintf(text, sizeof text, "SET ROLE `");
        for (size_t i = 0; i < session->role.length; i++) {
            if (session->role.data[i] == '`')
                text[length++] = '`';
            text[length++] = session->role.data[i];
        }
        text[length++] = '`';
    }
    session->role_known = false;
    if (!tv_mysql_command(session, text, length, deadline_ms, error))
        return false;
    session->role_applied = session->role;
    session->role_known = true;
    return true;
}

/* When the request's time ends before the store's query_timeout does, the server has to know. Rounded down to four
 * significant bits: deadlines differ a little every time, and each change costs a round trip. */
static bool apply_limit(struct tv_mysql *session, int64_t deadline_ms, int64_t now_ms, struct tv_error *error)
{
    int64_t usual = session->settings->leg[TV_STORE_MYSQL].query_timeout;
    int64_t limit = deadline_ms - now_ms;
    if (limit >= usual) {
        limit = usual;
    } else {
        int64_t step = 1;
        while (limit / step >= 16)
            step *= 2;
        limit = limit / step * step;
    }
    if (limit == session->limit_ms)
        return true;
    char text[64];
    int length =
        session->flavour == TV_MARIADB_SERVER
            ? snprintf(text, sizeof text, "SET SESSION max_statement_time=%.3f", (double)limit / 1000)
            : snprintf(text, sizeof text, "SET SESSION max_execution_time=%lld", (long long)limit);
    session->limit_ms = limit;
    return length > 0 && tv_mysql_command(session, text, (size_t)length, deadline_ms, error);
}

bool tv_mysql_ready(struct tv_mysql *session, int64_t deadline_ms, struct tv_error *error)
{
    int64_t now = tv_clock_ms();
    if (now >= deadline_ms)
        return tv_fail(error, 504, NULL, "no time is left to ask MySQL");
    if (!tv_breaker_allows(session->watch.breaker, "MySQL", error)) {
        tv_watch_refused(session->watch.watcher);
        return false;
    }
    if (session->in_transaction && !session->link) {
        tv_fail(error, 503, NULL, "the connection to MySQL broke within a transaction; it is rolled back");
        error->retry_after = RETRY_AFTER;
        return false;
    }
    if (session->link && !session->in_transaction && !idle_is_alive(session))
        tv_mysql_drop(session); /* nothing was sent: replacing it repeats nothing */
    if (!session->link && !tv_mysql_connect(session, deadline_ms, error))
        return false;
    if (!apply_role(session, deadline_ms, error) || !apply_limit(session, deadline_ms, now, error))
        return false;
    tv_mysql_wait_until(
        session,
        tv_deadline_within(deadline_ms, session->settings->leg[TV_STORE_MYSQL].query_timeout) + GRACE_MS);
    return true;
}

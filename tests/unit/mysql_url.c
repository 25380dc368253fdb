/*
 * mysql_url.c - tests of reading mysql.url: every form that is meant to work, and that nothing else is taken for one.
 */
#include "store/mysql_url.h"

#include "tap.h"

struct expected {
    const char *url;
    const char *host;
    int port;
    const char *socket;
    const char *user;
    const char *password;
    const char *database;
    const char *ca;
    enum tv_mysql_tls tls;
};

static const struct expected good[] = {
    {.url = "mysql://localhost", .host = "localhost", .port = 3306, .database = ""},
    {.url = "mysql://localhost/", .host = "localhost", .port = 3306, .database = ""},
    {.url = "MariaDB://db.example:3307/shop", .host = "db.example", .port = 3307, .database = "shop"},
    {.url = "mysql://u:p@h/shop",
     .host = "h",
     .port = 3306,
     .user = "u",
     .password = "p",
     .database = "shop"},
    {.url = "mysql://u@h/shop", .host = "h", .port = 3306, .user = "u", .database = "shop"},
    {.url = "mysql://a%40b:p%2Fq%3Ar@h/my%20shop",
     .host = "h",
     .port = 3306,
     .user = "a@b",
     .password = "p/q:r",
     .database = "my shop"},
    {.url = "mysql://u:p@ss@h/shop",
     .host = "h",
     .port = 3306,
     .user = "u",
     .password = "p@ss",
     .database = "shop"},
    {.url = "mysql://[::1]:3307/shop", .host = "::1", .port = 3307, .database = "shop"},
    {.url = "mysql:///shop?socket=/run/mysqld/mysqld.sock",
     .port = 3306,
     .socket = "/run/mysqld/mysqld.sock",
     .database = "shop"},
    {.url = "mysql://u:p@/shop?socket=/m%20s.sock",
     .port = 3306,
     .socket = "/m s.sock",
     .user = "u",
     .password = "p",
     .database = "shop"},
    {.url = "mysql://u@localhost/shop?socket=/m.sock", /* the socket wins */
     .port = 3306,
     .socket = "/m.sock",
     .user = "u",
     .database = "shop"},
    {.url = "mysql://h/shop?ssl=off", .host = "h", .port = 3306, .database = "shop", .tls = TV_MYSQL_TLS_OFF},
    {.url = "mysql://h/shop?ssl=require",
     .host = "h",
     .port = 3306,
     .database = "shop",
     .tls = TV_MYSQL_TLS_REQUIRE},
    {.url = "mysql://h/shop?ssl=verify&ca=/etc/ca.pem",
     .host = "h",
     .port = 3306,
     .database = "shop",
     .ca = "/etc/ca.pem",
     .tls = TV_MYSQL_TLS_VERIFY},
    {.url = "mysql://h?ssl=off", .host = "h", .port = 3306, .database = "", .tls = TV_MYSQL_TLS_OFF},
};

static const char *const bad[] = {
    "",
    "localhost",
    "postgres://h/shop",
    "mysql:/h/shop",
    "mysql://",
    "mysql:///shop",
    "mysql://u:s3cret@/shop",
    "mysql://h:0/shop",
    "mysql://h:65536/shop",
    "mysql://h:s3cret/shop",
    "mysql://[::1/shop",
    "mysql://[::1]x/shop",
    "mysql://h/shop/more",
    "mysql://h/%zz",
    "mysql://h/%00",
    "mysql://u:%4@h/shop",
    "mysql://h/shop?ssl=maybe",
    "mysql://h/shop?ssl",
    "mysql://h/shop?charset=latin1",
    "mysql://h/shop?ca=relative.pem",
    "mysql:///shop?socket=relative.sock",
    "mysql:///shop?socket=/m.sock&ssl=verify",
};

static void check_good(void)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct expected *want = &good[i];
        struct tv_mysql_url url;
        struct tv_error error;
        if (!ok(tv_mysql_url_read(want->url, &url, &error), "reads %s", want->url)) {
            note("%s", error.message);
            continue;
        }
        is_text(url.host, want->host, "its host");
        is_text(url.socket, want->socket, "its socket");
        is_text(url.user, want->user, "its user");
        is_text(url.password, want->password, "its password");
        is_text(url.database, want->database, "its database");
        is_text(url.ca, want->ca, "its authority");
        ok((url.socket || url.port == want->port) && url.tls == want->tls, "its port and safety");
        tv_mysql_url_free(&url);
    }
}

static void check_bad(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tv_mysql_url url;
        struct tv_error error = {.status = 0};
        ok(!tv_mysql_url_read(bad[i], &url, &error) && error.status == 500 &&
               !strstr(error.message, "s3cret"),
           "refuses %s: %s", bad[i], error.message);
    }
}

int main(void)
{
    check_good();
    check_bad();
    return done_testing();
}

/*
 * redis_url.c - tests of reading redis.url: every form that is meant to work, and that nothing else is taken for one.
 */
#include "store/redis_url.h"

#include "tap.h"

struct expected {
    const char *url;
    const char *host;
    int port;
    const char *path;
    const char *user;
    const char *password;
    int database;
    bool tls;
};

static const struct expected good[] = {
    {.url = "redis://localhost", .host = "localhost", .port = 6379},
    {.url = "redis://localhost/", .host = "localhost", .port = 6379},
    {.url = "REDIS://cache.example:6380/3", .host = "cache.example", .port = 6380, .database = 3},
    {.url = "redis://[::1]:6380/1", .host = "::1", .port = 6380, .database = 1},
    {.url = "redis://[fe80::2]", .host = "fe80::2", .port = 6379},
    {.url = "redis://app:s3cret@h", .host = "h", .port = 6379, .user = "app", .password = "s3cret"},
    {.url = "redis://:s3cret@h", .host = "h", .port = 6379, .password = "s3cret"},
    {.url = "redis://app@h", .host = "h", .port = 6379, .user = "app", .password = ""},
    {.url = "redis://@h", .host = "h", .port = 6379},
    {.url = "redis://a%40b:p%2Fq%3Ar@h:1/2",
     .host = "h",
     .port = 1,
     .user = "a@b",
     .password = "p/q:r",
     .database = 2},
    {.url = "redis://u:p@ss/wo?rd@h/0", .host = "h", .port = 6379, .user = "u", .password = "p@ss/wo?rd"},
    {.url = "rediss://h:6390", .host = "h", .port = 6390, .tls = true},
    {.url = "unix:///run/redis/redis.sock", .port = 6379, .path = "/run/redis/redis.sock"},
    {.url = "unix:///r.sock?db=7", .port = 6379, .path = "/r.sock", .database = 7},
    {.url = "unix:///r%20s.sock?user=a%26b&password=c%3Dd&db=0",
     .port = 6379,
     .path = "/r s.sock",
     .user = "a&b",
     .password = "c=d"},
    {.url = "unix:///r.sock?password=p", .port = 6379, .path = "/r.sock", .password = "p"},
    {.url = "unix:///r.sock?user=u", .port = 6379, .path = "/r.sock", .user = "u", .password = ""},
};

static const char *const bad[] = {
    "",
    "localhost",
    "http://localhost",
    "redis:localhost",
    "redis://",
    "redis://:6379",
    "redis://h:0",
    "redis://h:65536",
    "redis://h:port",
    "redis://h:",
    "redis://h:63 79",
    "redis://h/x",
    "redis://h/-1",
    "redis://h/1/2",
    "redis://h?db=1",
    "redis://[::1",
    "redis://[::1]x",
    "redis://u:hunter2%@h",
    "redis://u:hunter2%4@h",
    "redis://u:hunter2%zz@h",
    "redis://u:hunter2%00@h",
    "unix://relative.sock",
    "unix://",
    "unix:///r.sock?db",
    "unix:///r.sock?db=x",
    "unix:///r.sock?database=1",
    "unix:///r.sock?password=hunter2%",
};

int main(void)
{
    struct tv_error error;
    struct tv_redis_url url;
    for (size_t i = 0; i < TV_COUNT(good); i++) {
        const struct expected *want = &good[i];
        if (!ok(tv_redis_url_read(want->url, &url, &error), "%s is understood", want->url)) {
            note("%s", error.message);
            continue;
        }
        is_text(url.host, want->host, "  host");
        is_text(url.path, want->path, "  path");
        is_text(url.user, want->user, "  user");
        is_text(url.password, want->password, "  password");
        is_number(url.port, want->port, "  port");
        is_number(url.database, want->database, "  database");
        is_number(url.tls, want->tls, "  TLS");
        tv_redis_url_free(&url);
    }
    for (size_t i = 0; i < TV_COUNT(bad); i++) {
        error = (struct tv_error){0};
        ok(!tv_redis_url_read(bad[i], &url, &error), "\"%s\" is refused", bad[i]);
        ok(strncmp(error.message, "redis.url: ", 11) == 0, "  and says where: %s", error.message);
        ok(!strstr(error.message, "hunter2"), "  and does not repeat a secret");
        tv_redis_url_free(&url); /* harmless */
    }
    return done_testing();
}

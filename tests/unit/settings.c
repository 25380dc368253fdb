/*
 * settings.c - tests of configuration: types, units and bounds; file, environment and files named by it, and which of them
 * wins; what is refused and how the message helps; what is shown and what is masked.
 */
#include "base/settings.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/macros.h"
#include "tap.h"

struct values {
    const char *url;
    const char *name;
    int64_t count;
    int64_t free_count;
    bool on;
    int64_t wait;
    int64_t room;
};

static const struct tv_option rows[] = {
    {NULL, "count", TV_OPTION_INTEGER, "2", 1, 64, offsetof(struct values, count), TV_OPTION_FIXED,
     "How many."},
    {NULL, "on", TV_OPTION_BOOLEAN, "true", 0, 0, offsetof(struct values, on), 0, "Whether."},
    {"store", "url", TV_OPTION_TEXT, "", 0, 0, offsetof(struct values, url), TV_OPTION_SECRET, "Where."},
    {"store", "name", TV_OPTION_TEXT, "none", 0, 0, offsetof(struct values, name), 0, "Who."},
    {"store", "free-count", TV_OPTION_INTEGER, "-5", 0, 0, offsetof(struct values, free_count), 0,
     "Any number."},
};
static const struct tv_option more[] = {
    {"limits", "wait", TV_OPTION_DURATION, "10s", 0, 3600000, offsetof(struct values, wait), 0, "How long."},
    {"limits", "room", TV_OPTION_SIZE, "64k", 1, 4294967296, offsetof(struct values, room), 0, "How much."},
};

static struct values values;
static struct tv_settings settings;
static struct tv_error error;
static char directory[] = "/tmp/trivet-settings-XXXXXX";
static char path[64];

static const char *write_file(const char *name, const char *text, size_t length)
{
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    if (!file || fwrite(text, 1, length, file) != length || fclose(file) != 0)
        abort();
    return path;
}

static bool load(const char *text)
{
    tv_settings_free(&settings);
    tv_settings_init(&settings, "sql");
    tv_settings_add(&settings, rows, TV_COUNT(rows), &values);
    tv_settings_add(&settings, NULL, 0, NULL);
    tv_settings_add(&settings, more, TV_COUNT(more), &values);
    error = (struct tv_error){0};
    return tv_settings_load(&settings, text ? write_file("t.conf", text, strlen(text)) : NULL, &error);
}

static void loads(const char *text, const char *name)
{
    if (!ok(load(text), "%s is taken", name))
        note("%s", error.message);
}

static void refuses(const char *text, const char *const words[4], const char *name)
{
    ok(!load(text), "%s is refused", name);
    for (size_t i = 0; i < 4 && words[i]; i++)
        ok(strstr(error.message, words[i]), "  the message says %s: %s", words[i], error.message);
}
#define REFUSES(text, name, ...) refuses((text), (const char *const[4]){__VA_ARGS__}, (name))

static void defaults(void)
{
    loads(NULL, "no file at all");
    is_number(values.count, 2, "default: a number");
    is_number(values.free_count, -5, "default: a number without bounds");
    is_number(values.on, true, "default: a truth");
    is_text(values.url, "", "default: an empty text");
    is_text(values.name, "none", "default: a text");
    is_number(values.wait, 10000, "default: a duration");
    is_number(values.room, 65536, "default: a size");
    is_text(settings.foreign, "", "nothing is foreign");
}

/* One option's text in the file: what becomes of it. */
static void units(void)
{
    static const struct {
        const char *text;
        int64_t value; /* -1: refused */
    } waits[] = {{"500ms", 500},
                 {"10s", 10000},
                 {"5m", 300000},
                 {"1h", 3600000},
                 {"7", 7000},
                 {"0", 0},
                 {"0ms", 0},
                 {"2S", 2000},
                 {"3MS", 3},
                 {"", -1},
                 {"ms", -1},
                 {"5x", -1},
                 {"5 s", -1},
                 {"1.5s", -1},
                 {"-1s", -1},
                 {"61m", -1},
                 {"2h", -1},
                 {"5sm", -1},
                 {"1d", -1},
                 {"--5", -1},
                 {"5-", -1},
                 {"0x10", -1},
                 {"+5s", -1},
                 {"9223372036854775807h", -1},
                 {"99999999999999999999", -1}},
      rooms[] = {{"4096", 4096},
                 {"64k", 65536},
                 {"64K", 65536},
                 {"8m", 8388608},
                 {"4g", 4294967296},
                 {"1", 1},
                 {"0", -1},
                 {"5g", -1},
                 {"64kb", -1},
                 {"64kk", -1},
                 {"64b", -1},
                 {"1e6", -1},
                 {"9223372036854775807g", -1},
                 {"18446744073709551616", -1}},
      counts[] = {{"1", 1},   {"64", 64}, {"064", 64}, {"0", -1},  {"65", -1},
                  {"-1", -1}, {"2k", -1}, {"2s", -1},  {"two", -1}},
      truths[] = {{"true", 1}, {"yes", 1},   {"on", 1},   {"1", 1},   {"TRUE", 1},
                  {"On", 1},   {"false", 0}, {"no", 0},   {"off", 0}, {"0", 0},
                  {"2", -1},   {"", -1},     {"tru", -1}, {"y", -1},  {"enabled", -1}};
    char text[128];
    for (size_t i = 0; i < TV_COUNT(waits); i++) {
        snprintf(text, sizeof text, "[limits]\nwait = %s\n", waits[i].text);
        bool good = load(text);
        ok(waits[i].value < 0 ? !good : good && values.wait == waits[i].value, "a duration of \"%s\"",
           waits[i].text);
    }
    for (size_t i = 0; i < TV_COUNT(rooms); i++) {
        snprintf(text, sizeof text, "[limits]\nroom = %s\n", rooms[i].text);
        bool good = load(text);
        ok(rooms[i].value < 0 ? !good : good && values.room == rooms[i].value, "a size of \"%s\"",
           rooms[i].text);
    }
    for (size_t i = 0; i < TV_COUNT(counts); i++) {
        snprintf(text, sizeof text, "[sql]\ncount = %s\n", counts[i].text);
        bool good = load(text);
        ok(counts[i].value < 0 ? !good : good && values.count == counts[i].value, "a count of \"%s\"",
           counts[i].text);
    }
    for (size_t i = 0; i < TV_COUNT(truths); i++) {
        snprintf(text, sizeof text, "[sql]\non = %s\n", truths[i].text);
        bool good = load(text);
        ok(truths[i].value < 0 ? !good : good && values.on == truths[i].value, "a truth of \"%s\"",
           truths[i].text);
    }
    REFUSES("[limits]\nwait = soon\n", "what is no duration", "limits.wait", "t.conf:2", "10s", "soon");
    REFUSES("[limits]\n\n; x\nwait = 2h\n", "a duration out of bounds", "limits.wait", "t.conf:4", "2h",
            "3600000 milliseconds");
    REFUSES("[limits]\nroom = 0\n", "a size out of bounds", "limits.room", "within 1 and 4294967296 bytes");
    REFUSES("[sql]\non = maybe\n", "what is no truth", "sql.on", "true or false", "maybe");
    REFUSES("[sql]\ncount = \n", "an empty number", "sql.count", "whole number");
    loads("[store]\nfree-count = -9223372036854775808\n", "the smallest number without bounds");
}

static void files(void)
{
    loads("# comment\n; comment\n\n[sql]\ncount=3 ; inline\n  on = no\n[store]\nurl = a;b#c=d\nname: with "
          "blanks  \n"
          "[limits]\r\nwait = 1s\r\n",
          "a file with comments, colons and other line ends");
    is_number(values.count, 3, "a value before a comment");
    is_number(values.on, false, "an indented line is one like others");
    is_text(values.url, "a;b#c=d", "a value with punctuation");
    is_text(values.name, "with blanks", "blanks around a value do not count");
    is_number(values.wait, 1000, "a line that ends with CR LF");
    is_number(values.room, 65536, "what is not mentioned keeps its default");
    loads("\xEF\xBB\xBF[sql]\ncount = 4\n", "a file with a byte order mark");
    is_number(values.count, 4, "is read from its first line on");
    loads("", "an empty file");
    loads("[sql]\ncount = 5\ncount = 6\n[store]\n[sql]\ncount = 7",
          "a key given again, the last line without an end");
    is_number(values.count, 7, "the last one counts");

    loads("[store]\nname = n\n  url = secret\n[sql]\non = true\n\tcount = 9\n", "indented keys after others");
    is_text(values.name, "n", "do not continue the line before");
    is_text(values.url, "secret", "but are keys of their own");
    is_number(values.count, 9, "each of them");
    REFUSES("[store]\nname = n\n  and more\n", "a value over two lines", "t.conf:3", "neither");

    REFUSES("[sql]\ncuont = 3\n", "an unknown key", "t.conf:2", "[sql]", "cuont", "--help");
    REFUSES("[sql]\nCount = 3\n", "a key in other letters", "Count");
    REFUSES("[sql]\nwait = 3\n", "a key of another section", "wait");
    REFUSES("[sql]\ncount\n", "a line that is no setting", "t.conf:2", "neither");
    REFUSES("[sql\ncount = 3\n", "a section that does not close", "t.conf:1", "neither");
    REFUSES("[sql]\ncount = x\noops\non = y\n", "a file with three mistakes", "t.conf:2", "sql.count");
    REFUSES("[sql]\noops\ncount = x\n", "one with others", "t.conf:2", "neither");
    REFUSES("count = 3\n[sql]\n", "a key before any section", "t.conf:1", "count", "section");
    tv_settings_free(&settings);
    ok(!tv_settings_load(&settings, "/nonexistent/trivet.conf", &error) &&
           strstr(error.message, "/nonexistent/trivet.conf: No such file"),
       "a file that is not there is named: %s", error.message);

    tv_settings_free(&settings);
    ok(!tv_settings_load(&settings, directory, &error) && strstr(error.message, "cannot be read"),
       "a directory is no file: %s", error.message);

    loads("[doc]\ncount = many\nx = y\n[SQL]\n[kv]\na = b\n[doc]\nz = 1\n[v]\na = b\n",
          "sections of other workers");
    is_text(settings.foreign, "[doc] [kv] [v]", "are passed over and told once each");
    char many[8192] = "";
    for (int i = 0; i < 200; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "[section%d]\na = b\n", i);
    loads(many, "a great many of them");
    ok(strlen(settings.foreign) < sizeof settings.foreign && strstr(settings.foreign, "[section19]"),
       "are told as far as there is room");

    /* the reader of INI files takes lines of a bounded length: a longer one is refused, never taken for two */
    static const char *const ends[] = {"\n", "", "\r\n"};
    for (size_t end = 0; end < TV_COUNT(ends); end++) {
        size_t taken = 0, refused = 0, wrong = 0;
        for (size_t length = 150; length < 700; length++) {
            char line[1024] = "[store]\nurl = ";
            size_t from = strlen(line);
            memset(line + from, 'u', length);
            line[from + length] = '\0';
            strcat(line, ends[end]);
            if (load(line)) {
                taken += strlen(values.url) == length;
                wrong += strlen(values.url) != length;
            } else {
                refused +=
                    strstr(error.message, "t.conf:2") && strstr(error.message, "longer than 198 bytes");
            }
        }
        ok(wrong == 0, "no long value is cut");
        is_number(taken + refused, 550, "every one is whole or refused as too long");
        /* "url = " and the value are 198 bytes at most */
        is_number(taken, 192 - 150 + 1 - (end == 2), "and whole up to the bound");
    }
    char comment[600] = "[sql]\n; ";
    memset(comment + strlen(comment), 'c', 400);
    comment[450] = '\0';
    ok(!load(comment) && strstr(error.message, "longer"), "also a comment that is too long is refused");
}

static void environment(void)
{
    setenv("TRIVET_SQL_COUNT", "11", 1);
    setenv("TRIVET_STORE_FREE_COUNT", "12", 1);
    setenv("TRIVET_STORE_URL", "from environment", 1);
    loads("[sql]\ncount = 3\n[store]\nname = from file\n", "an environment");
    is_number(values.count, 11, "it wins over the file");
    is_number(values.free_count, 12, "a dash becomes an underscore");
    is_text(values.url, "from environment", "a text with a blank");
    is_text(values.name, "from file", "what it does not name comes from the file");

    char variable[128];
    snprintf(variable, sizeof variable, "%s", write_file("secret", "from secret\nsecond line\n", 24));
    setenv("TRIVET_STORE_URL_FILE", variable, 1);
    loads(NULL, "a file for one value beside its variable");
    is_text(values.url, "from environment", "the variable wins");
    unsetenv("TRIVET_STORE_URL");
    loads("[store]\nurl = from file\n", "a file for one value");
    is_text(values.url, "from secret", "its first line wins over the configuration file");
    write_file("secret", "crlf\r\n", 6);
    loads(NULL, "one with CR LF");
    is_text(values.url, "crlf", "is read without it");
    write_file("secret", "", 0);
    loads("[store]\nurl = from file\n", "an empty one");
    is_text(values.url, "", "is an empty value");
    write_file("secret", "no end", 6);
    loads(NULL, "one without a line end");
    is_text(values.url, "no end", "is whole");
    char large[5000];
    memset(large, 'L', sizeof large);
    write_file("secret", large, 4095);
    loads(NULL, "one of 4095 bytes");
    is_number(strlen(values.url), 4095, "is whole");
    write_file("secret", large, 4096);
    REFUSES(NULL, "a larger one", "TRIVET_STORE_URL_FILE", "secret", "too large");
    setenv("TRIVET_STORE_URL_FILE", "/nonexistent/secret", 1);
    REFUSES(NULL, "one that is not there", "TRIVET_STORE_URL_FILE", "/nonexistent/secret", "No such file");
    setenv("TRIVET_STORE_URL_FILE", directory, 1);
    REFUSES(NULL, "a directory", "TRIVET_STORE_URL_FILE");
    setenv("TRIVET_STORE_URL_FILE", "", 1);
    loads(NULL, "an empty name of one");
    unsetenv("TRIVET_STORE_URL_FILE");

    setenv("TRIVET_STORE_NAME", "", 1);
    loads("[store]\nname = from file\n", "an empty variable");
    is_text(values.name, "", "is an empty value");
    unsetenv("TRIVET_STORE_NAME");
    setenv("TRIVET_SQL_COUNT", "many", 1);
    REFUSES(NULL, "a wrong value of a variable", "sql.count", "TRIVET_SQL_COUNT", "many");
    setenv("TRIVET_SQL_COUNT", "65", 1);
    REFUSES(NULL, "one out of bounds", "TRIVET_SQL_COUNT", "65", "within 1 and 64");
    REFUSES("[sql]\ncount = 66\n", "a wrong value in the file is not hidden by it", "t.conf:2", "66");
    unsetenv("TRIVET_SQL_COUNT");
    unsetenv("TRIVET_STORE_FREE_COUNT");
    char text[400];
    memset(text, 'e', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    setenv("TRIVET_STORE_URL", text, 1);
    loads(NULL, "a variable longer than a line of a file");
    is_text(values.url, text, "is whole");
    unsetenv("TRIVET_STORE_URL");
}

static char *printed(void (*show)(const struct tv_settings *, FILE *))
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        abort();
    show(&settings, stream);
    fclose(stream);
    return text;
}

static void showing(void)
{
    setenv("TRIVET_LIMITS_WAIT", "3s", 1);
    loads("[store]\nurl = mysql://app:hunter2@db/shop\nname = n\n", "something to show");
    char *text = printed(tv_settings_print);
    ok(!strstr(text, "hunter2"), "a secret is not printed");
    ok(strstr(text, "url = ********"), "but that there is one");
    ok(strstr(text, "[sql]\ncount = 2    ; default\n"), "a default is called one");
    ok(strstr(text, "wait = 3s    ; TRIVET_LIMITS_WAIT\n"), "a variable is named");
    char want[128];
    snprintf(want, sizeof want, "name = n    ; %s/t.conf:3\n", directory);
    ok(strstr(text, want), "a file is named with the line");
    unsetenv("TRIVET_LIMITS_WAIT");
    if (!ok(load(text), "what was printed can be read again"))
        note("%s", error.message);
    is_number(values.wait, 3000, "and means the same");
    free(text);
    load(NULL);
    text = printed(tv_settings_print);
    ok(strstr(text, "url =     ; default\n"), "a secret that is not set is not masked");
    free(text);

    tv_settings_free(&settings);
    text = printed(tv_settings_help);
    ok(strstr(text, "[sql]") && strstr(text, "[store]") && strstr(text, "[limits]"),
       "help knows the sections, also before loading");
    ok(strstr(text, "How many.") && strstr(text, "TRIVET_SQL_COUNT; default: 2; needs a restart"),
       "an option with its variable");
    ok(strstr(text, "TRIVET_STORE_URL; default: (empty); secret"), "a secret");
    ok(strstr(text, "TRIVET_STORE_FREE_COUNT; default: -5"), "a name with a dash");
    free(text);
}

int main(void)
{
    if (!mkdtemp(directory))
        abort();
    tv_settings_init(&settings, "sql");
    defaults();
    units();
    files();
    environment();
    showing();
    tv_settings_free(&settings);
    tv_settings_free(&settings);
    write_file("secret", "", 0);
    unlink(path);
    write_file("t.conf", "", 0);
    unlink(path);
    rmdir(directory);
    return done_testing();
}

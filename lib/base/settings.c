/*
 * settings.c - one loop over the rows for each source: defaults, file, environment. Knows no option by name.
 */
#include "base/settings.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

/* libinih reads lines into a fixed buffer of this size; a longer line would be taken for two. */
#define LINE_MAX_BYTES 198

struct tv_setting_state {
    char *text;      /* what the value was read from */
    char source[80]; /* "default", "trivet.conf:12", "TRIVET_MYSQL_URL" */
};

void tv_settings_init(struct tv_settings *settings, const char *pool)
{
    *settings = (struct tv_settings){.pool = pool};
}

void tv_settings_add(struct tv_settings *settings, const struct tv_option *options, size_t count,
                     void *values)
{
    if (count > 0 && settings->set_count < TV_OPTION_SETS_MAX)
        settings->sets[settings->set_count++] = (struct tv_option_set){options, count, values};
}

static size_t row_count(const struct tv_settings *settings)
{
    size_t rows = 0;
    for (size_t i = 0; i < settings->set_count; i++)
        rows += settings->sets[i].count;
    return rows;
}

/* The row at a place over all sets, and the struct that it fills. */
static const struct tv_option *row_at(const struct tv_settings *settings, size_t place, void **values)
{
    for (size_t i = 0; i < settings->set_count; i++) {
        if (place < settings->sets[i].count) {
            *values = settings->sets[i].values;
            return &settings->sets[i].options[place];
        }
        place -= settings->sets[i].count;
    }
    return NULL;
}

static const char *section_of(const struct tv_settings *settings, const struct tv_option *option)
{
    return option->section ? option->section : settings->pool;
}

void tv_settings_free(struct tv_settings *settings)
{
    for (size_t i = 0; settings->states && i < row_count(settings); i++)
        free(settings->states[i].text);
    free(settings->states);
    settings->states = NULL;
}

/* A number with a unit; units come in pairs of suffix and factor, the first is the one of a bare number. */
struct unit {
    const char *suffix;
    int64_t factor;
};
static const struct unit durations[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
static const struct unit sizes[] = {{"", 1}, {"k", 1024}, {"m", 1048576}, {"g", 1073741824}};
static const struct unit plain[] = {{"", 1}};

static bool parse_number(const char *text, const struct unit *units, size_t count, int64_t *out)
{
    size_t digits = strspn(text, "-0123456789");
    int64_t value;
    if (!tv_slice_integer((struct tv_slice){text, digits}, &value))
        return false;
    for (size_t i = 0; i < count; i++)
        if (tv_slice_is_nocase(tv_slice_of(text + digits), units[i].suffix))
            return !__builtin_mul_overflow(value, units[i].factor, out);
    return false;
}

static bool parse_boolean(const char *text, bool *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < TV_COUNT(words); i++) {
        if (tv_slice_is_nocase(tv_slice_of(text), words[i])) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static const char *expected(enum tv_option_type type)
{
    switch (type) {
    case TV_OPTION_INTEGER: return "a whole number";
    case TV_OPTION_BOOLEAN: return "true or false";
    case TV_OPTION_DURATION: return "a duration such as 500ms, 10s or 5m";
    case TV_OPTION_SIZE: return "a size such as 4096, 64k or 8m";
    case TV_OPTION_TEXT: break;
    }
    return "a text";
}

static bool parse_value(const struct tv_option *option, const char *text, void *field)
{
    switch (option->type) {
    case TV_OPTION_TEXT: *(const char **)field = text; return true;
    case TV_OPTION_BOOLEAN: return parse_boolean(text, field);
    case TV_OPTION_INTEGER: return parse_number(text, plain, TV_COUNT(plain), field);
    case TV_OPTION_DURATION: return parse_number(text, durations, TV_COUNT(durations), field);
    case TV_OPTION_SIZE: return parse_number(text, sizes, TV_COUNT(sizes), field);
    }
    return false;
}

static bool put_value(struct tv_settings *settings, size_t place, const char *text, const char *source,
                      struct tv_error *error)
{
    void *values = NULL;
    const struct tv_option *option = row_at(settings, place, &values);
    struct tv_setting_state *state = &settings->states[place];
    char *copy = strdup(text);
    if (!copy)
        return tv_fail(error, 500, NULL, "no memory for the configuration");
    free(state->text);
    state->text = copy;
    snprintf(state->source, sizeof state->source, "%s", source);
    void *field = (char *)values + option->offset;
    const char *section = section_of(settings, option);
    if (!parse_value(option, copy, field))
        return tv_fail(error, 500, NULL, "%s.%s (%s): expected %s%s%s", section, option->key, source,
                       expected(option->type), option->flags & TV_OPTION_SECRET ? "" : ", not ",
                       option->flags & TV_OPTION_SECRET ? "" : copy);
    bool number = option->type != TV_OPTION_TEXT && option->type != TV_OPTION_BOOLEAN;
    if (number && option->minimum != option->maximum &&
        (*(int64_t *)field < option->minimum || *(int64_t *)field > option->maximum))
        return tv_fail(error, 500, NULL, "%s.%s (%s): %s is not within %lld and %lld%s", section, option->key,
                       source, copy, (long long)option->minimum, (long long)option->maximum,
                       option->type == TV_OPTION_DURATION ? " milliseconds"
                       : option->type == TV_OPTION_SIZE   ? " bytes"
                                                          : "");
    return true;
}

/* --- the file --------------------------------------------------------------------------------------------------------- */

struct file_reader {
    struct tv_settings *settings;
    const char *name;
    FILE *stream;
    int line;
    int refused; /* the first line that take_line refused; 0 = none */
    bool too_long;
    struct tv_error *error;
};

static char *next_line(char *into, int size, void *stream)
{
    struct file_reader *reader = stream;
    char *line = fgets(into, size, reader->stream);
    if (line) {
        reader->line++;
        size_t length = strlen(line);
        if (length > LINE_MAX_BYTES && line[length - 1] != '\n') {
            reader->too_long = true;
            return NULL;
        }
        /* libinih takes an indented line for more of the value before it */
        size_t blanks = strspn(line, " \t");
        memmove(line, line + blanks, length - blanks + 1);
    }
    return line;
}

static void note_foreign(struct tv_settings *settings, const char *section)
{
    char name[80];
    size_t used = strlen(settings->foreign);
    snprintf(name, sizeof name, "[%s]", section);
    if (!strstr(settings->foreign, name))
        snprintf(settings->foreign + used, sizeof settings->foreign - used, "%s%s", used ? " " : "", name);
}

static bool take_setting(struct file_reader *reader, const char *section, const char *key, const char *value)
{
    struct tv_settings *settings = reader->settings;
    bool section_known = false;
    for (size_t i = 0; i < row_count(settings); i++) {
        void *values;
        const struct tv_option *option = row_at(settings, i, &values);
        if (strcmp(section, section_of(settings, option)) != 0)
            continue;
        section_known = true;
        if (strcmp(key, option->key) != 0)
            continue;
        char source[80];
        snprintf(source, sizeof source, "%.60s:%d", reader->name, reader->line);
        return put_value(settings, i, value, source, reader->error);
    }
    if (!*section)
        return tv_fail(reader->error, 500, NULL, "%s:%d: \"%s\" stands before any [section]", reader->name,
                       reader->line, key);
    if (!section_known) { /* another worker's; only that worker knows its keys */
        note_foreign(settings, section);
        return true;
    }
    return tv_fail(reader->error, 500, NULL, "%s:%d: [%s] has no option \"%s\" (see --help)", reader->name,
                   reader->line, section, key);
}

/* libinih goes on after an error; what is told is the first one. */
static int take_line(void *context, const char *section, const char *key, const char *value)
{
    struct file_reader *reader = context;
    if (reader->refused)
        return 0;
    if (!take_setting(reader, section, key, value))
        reader->refused = reader->line;
    return reader->refused == 0;
}

static bool load_file(struct tv_settings *settings, const char *file, struct tv_error *error)
{
    struct file_reader reader = {settings, file, fopen(file, "re"), 0, 0, false, error};
    if (!reader.stream)
        return tv_fail(error, 500, NULL, "%s: %s", file, strerror(errno));
    int bad_line = ini_parse_stream(next_line, &reader, take_line, &reader);
    bool unreadable = ferror(reader.stream);
    fclose(reader.stream);
    if (unreadable) /* a directory, say: it opens but has no lines */
        return tv_fail(error, 500, NULL, "%s: cannot be read", file);
    if (bad_line != 0 && bad_line != reader.refused)
        return tv_fail(error, 500, NULL, "%s:%d: neither [section] nor key = value", file, bad_line);
    if (reader.too_long && bad_line == 0)
        return tv_fail(
            error, 500, NULL,
            "%s:%d: the line is longer than %d bytes; give the value by its environment variable or _FILE",
            file, reader.line, LINE_MAX_BYTES);
    return bad_line == 0;
}

/* --- the environment -------------------------------------------------------------------------------------------------- */

static void variable_name(const struct tv_settings *settings, const struct tv_option *option,
                          const char *suffix, char out[96])
{
    snprintf(out, 96, "TRIVET_%s_%s%s", section_of(settings, option), option->key, suffix);
    for (char *byte = out; *byte; byte++) {
        if (*byte >= 'a' && *byte <= 'z')
            *byte = (char)(*byte - 'a' + 'A');
        else if (*byte == '-' || *byte == '.')
            *byte = '_';
    }
}

/* The first line of a secret's file, without its line end. */
static bool read_secret(const char *file, char *out, size_t size, const char *variable,
                        struct tv_error *error)
{
    FILE *stream = fopen(file, "re");
    if (!stream)
        return tv_fail(error, 500, NULL, "%s: %s: %s", variable, file, strerror(errno));
    size_t length = fread(out, 1, size, stream);
    bool whole = length < size && !ferror(stream);
    fclose(stream);
    if (!whole)
        return tv_fail(error, 500, NULL, "%s: %s cannot be read or is too large", variable, file);
    out[length] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

static bool load_environment(struct tv_settings *settings, size_t place, struct tv_error *error)
{
    void *values;
    const struct tv_option *option = row_at(settings, place, &values);
    char name[96], secret[4096];
    variable_name(settings, option, "_FILE", name);
    const char *file = getenv(name);
    if (file && *file &&
        (!read_secret(file, secret, sizeof secret, name, error) ||
         !put_value(settings, place, secret, name, error)))
        return false;
    variable_name(settings, option, "", name);
    const char *text = getenv(name);
    return !text || put_value(settings, place, text, name, error);
}

bool tv_settings_load(struct tv_settings *settings, const char *file, struct tv_error *error)
{
    size_t rows = row_count(settings);
    settings->states = calloc(rows ? rows : 1, sizeof *settings->states);
    if (!settings->states)
        return tv_fail(error, 500, NULL, "no memory for the configuration");
    for (size_t i = 0; i < rows; i++) {
        void *values;
        if (!put_value(settings, i, row_at(settings, i, &values)->fallback, "default", error))
            return false;
    }
    if (file && !load_file(settings, file, error))
        return false;
    for (size_t i = 0; i < rows; i++)
        if (!load_environment(settings, i, error))
            return false;
    return true;
}

/* --- showing ---------------------------------------------------------------------------------------------------------- */

void tv_settings_print(const struct tv_settings *settings, FILE *out)
{
    const char *before = "";
    for (size_t i = 0; i < row_count(settings); i++) {
        void *values;
        const struct tv_option *option = row_at(settings, i, &values);
        const struct tv_setting_state *state = &settings->states[i];
        const char *section = section_of(settings, option);
        if (strcmp(section, before) != 0)
            fprintf(out, "%s[%s]\n", *before ? "\n" : "", section);
        before = section;
        bool masked = (option->flags & TV_OPTION_SECRET) && *state->text;
        fprintf(out, "%s = %s    ; %s\n", option->key, masked ? "********" : state->text, state->source);
    }
}

void tv_settings_help(const struct tv_settings *settings, FILE *out)
{
    const char *before = "";
    for (size_t i = 0; i < row_count(settings); i++) {
        void *values;
        char name[96];
        const struct tv_option *option = row_at(settings, i, &values);
        const char *section = section_of(settings, option);
        if (strcmp(section, before) != 0)
            fprintf(out, "\n[%s]\n", section);
        before = section;
        variable_name(settings, option, "", name);
        fprintf(out, "  %-18s %s\n  %-18s %s; default: %s%s%s\n", option->key, option->help, "", name,
                *option->fallback ? option->fallback : "(empty)",
                option->flags & TV_OPTION_SECRET ? "; secret" : "",
                option->flags & TV_OPTION_FIXED ? "; needs a restart" : "");
    }
}

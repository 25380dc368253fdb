/*
 * commands.c - the table of commands, and reading their words. Not getopt: "-2" is a word here.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define INTERVAL_MS 2000
#define TIMEOUT_MS  60000

enum option_bits {
    OPTION_JSON = 1,
    OPTION_ONCE = 2,
    OPTION_INTERVAL = 4,
    OPTION_FORCE = 8,
    OPTION_PODS = 16,
    OPTION_TIMEOUT = 32,
};

static const struct command {
    const char *name;
    const char *words; /* for people */
    size_t least, most;
    unsigned options;
    int (*run)(struct tool *tool);
    const char *summary;
    const char *help;
} commands[] = {
    {"status", "[POOL]", 0, 1, OPTION_JSON, command_status, "all pools, since they were started",
     "A row a pool: state, processes, workers (busy/now/most), listen queue, requests and what became of\n"
     "them, connections to stores (now/most), breakers. --json: what /status answers.\n"},
    {"workers", "[POOL]", 0, 1, OPTION_JSON, command_workers, "what every worker is at",
     "A row a worker: state and since when, requests so far and, while it answers one, its route, method,\n"
     "phase, time so far, request id and the shape of its last statement (never a value).\n"
     "--json: what /status/workers answers.\n"},
    {"top", "", 0, 0, OPTION_JSON | OPTION_ONCE | OPTION_INTERVAL, command_top, "all pools, live",
     "Rates and percentiles between two looks at the scoreboards, and the requests that take longest now.\n"
     "q or Ctrl-C leaves. --once prints one look and ends; --json prints a line of JSON for each look.\n"},
    {"scale", "POOL [processes|workers] +N|-N|=N", 2, 3,
     OPTION_JSON | OPTION_FORCE | OPTION_PODS | OPTION_TIMEOUT, command_scale,
     "more or fewer processes, or workers in each",
     "Changes how many processes the pool has, or the most workers of each process, until the next reload.\n"
     "Comes back when it is done; processes that leave finish what they have.\n"
     "More is refused when the stores would not bear it: processes x workers of this pool and of all others\n"
     "in the directory, times --pods, against the store's own limit less a tenth. --force does not ask.\n"},
    {"reload", "POOL|all", 1, 1, OPTION_JSON | OPTION_TIMEOUT, command_reload, "as SIGHUP, with an answer",
     "New processes start with the configuration as it is now; when they run, the old ones finish and "
     "leave.\n"
     "A configuration that is wrong, or with which they do not start, changes nothing, and is told.\n"},
    {"drain", "POOL", 1, 1, OPTION_JSON | OPTION_TIMEOUT, command_drain, "finish everything and stop",
     "The pool takes no new connections, answers what comes on open ones, and ends. What keeps it running\n"
     "(systemd, trivet-pools) may start it again: stop it there to keep it down.\n"},
    {"level", "POOL|all error|warn|info|debug|default", 2, 2, OPTION_JSON | OPTION_TIMEOUT, command_level,
     "another log level while it runs",
     "The least important lines that the pool's master and processes write, until the next reload.\n"
     "default: what is configured.\n"},
};

static const struct {
    const char *name;
    enum option_bits bit; /* 0: every command's */
    const char *value;    /* NULL: none */
    const char *help;
} options[] = {
    {"--watch", 0, "DIR", "where the scoreboards are (default: watch.directory of the configuration)"},
    {"--config", 0, "FILE", "the configuration (default: the pools' own)"},
    {"--json", OPTION_JSON, NULL, "for programs"},
    {"--once", OPTION_ONCE, NULL, "one look, as plain text, and end"},
    {"--interval", OPTION_INTERVAL, "SECONDS", "between two looks (2)"},
    {"--force", OPTION_FORCE, NULL, "do not ask the stores whether they bear it"},
    {"--pods", OPTION_PODS, "N", "how many pods like this one share the stores (1)"},
    {"--timeout", OPTION_TIMEOUT, "SECONDS", "how long to wait until it is done (60)"},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < TV_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

bool tool_names_command(int argc, char **argv)
{
    return argc > 1 && (find_command(argv[1]) || strcmp(argv[1], "help") == 0);
}

void tool_print_commands(FILE *out)
{
    fprintf(
        out,
        "Usage: trivet-ops COMMAND ...    what pools do, and orders to them (trivet-ops COMMAND --help)\n\n");
    for (size_t i = 0; i < TV_COUNT(commands); i++)
        fprintf(out, "  %-8s %-40s %s\n", commands[i].name, commands[i].words, commands[i].summary);
    fputc('\n', out);
}

static void print_help(const struct command *command)
{
    printf("Usage: trivet-ops %s %s [OPTIONS]\n\n%s\n", command->name, command->words, command->help);
    for (size_t i = 0; i < TV_COUNT(options); i++)
        if (options[i].bit == 0 || command->options & options[i].bit)
            printf("  %-10s %-8s %s\n", options[i].name, options[i].value ? options[i].value : "",
                   options[i].help);
    printf("\nExit status: 0 done, 1 refused or failed, 2 not understood.\n");
}

int tool_fail(const struct tv_error *error)
{
    fprintf(stderr, "trivet-ops: %s\n", error->message);
    if (error->details[0])
        fprintf(stderr, "  %s\n", error->details);
    if (error->hint[0])
        fprintf(stderr, "  %s\n", error->hint);
    return TOOL_REFUSED;
}

int tool_misused(const struct tool *tool, const char *format, ...)
{
    va_list values;
    fprintf(stderr, "trivet-ops %s: ", tool->name);
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fprintf(stderr, " (see trivet-ops %s --help)\n", tool->name);
    return TOOL_USAGE;
}

bool tool_setup(struct tool *tool, struct tv_error *error)
{
    if (!tool->setup)
        tool->setup = tv_setup_load(tool->config, error);
    return tool->setup != NULL;
}

const char *tool_directory(struct tool *tool, struct tv_error *error)
{
    if (tool->watch)
        return tool->watch;
    return tool_setup(tool, error) ? tv_setup_watch_directory(tool->setup) : NULL;
}

/* --- words ------------------------------------------------------------------------------------------------------------ */

/* Seconds with an optional fraction, as milliseconds. */
static bool read_seconds(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    double seconds = strtod(text, &end);
    bool good = end != text && *end == '\0' && errno == 0 && seconds >= 0.1 && seconds <= 86400;
    *out = good ? (int64_t)(seconds * 1000) : 0;
    return good;
}

static bool set_option(struct tool *tool, enum option_bits bit, const char *name, const char *value)
{
    switch (bit) {
    case OPTION_JSON: tool->json = true; return true;
    case OPTION_ONCE: tool->once = true; return true;
    case OPTION_FORCE: tool->force = true; return true;
    case OPTION_INTERVAL: return read_seconds(value, &tool->interval_ms);
    case OPTION_TIMEOUT: return read_seconds(value, &tool->timeout_ms);
    case OPTION_PODS:
        return tv_slice_integer(tv_slice_of(value), &tool->pods) && tool->pods >= 1 && tool->pods <= 100000;
    }
    *(strcmp(name, "--watch") == 0 ? &tool->watch : &tool->config) = value;
    return *value != '\0';
}

/* One option at argv[*at], which moves to its last word. */
static int take_option(struct tool *tool, const struct command *command, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    size_t length = strcspn(word, "=");
    for (size_t i = 0; i < TV_COUNT(options); i++) {
        if (strlen(options[i].name) != length || strncmp(options[i].name, word, length) != 0 ||
            (options[i].bit != 0 && !(command->options & options[i].bit)))
            continue;
        const char *value = word[length] == '=' ? word + length + 1 : NULL;
        if (!options[i].value && value)
            return tool_misused(tool, "%s takes no value", options[i].name);
        if (options[i].value && !value && *at + 1 < argc)
            value = argv[++*at];
        if (options[i].value && !value)
            return tool_misused(tool, "%s wants %s", options[i].name, options[i].value);
        if (!set_option(tool, options[i].bit, options[i].name, value))
            return tool_misused(tool, "%s: \"%s\" is no %s", options[i].name, value, options[i].value);
        return TOOL_DONE;
    }
    return tool_misused(tool, "there is no option %s", word);
}

static int read_words(struct tool *tool, const struct command *command, int argc, char **argv)
{
    bool words_only = false;
    for (int at = 2; at < argc; at++) {
        if (!words_only && strcmp(argv[at], "--") == 0) {
            words_only = true;
        } else if (!words_only && strncmp(argv[at], "--", 2) == 0) {
            int status = take_option(tool, command, argc, argv, &at);
            if (status != TOOL_DONE)
                return status;
        } else {
            argv[2 + tool->count] = argv[at]; /* words move together, in front */
            tool->count++;
        }
    }
    tool->words = argv + 2;
    if (tool->count < command->least || tool->count > command->most)
        return tool_misused(tool, "expected %s", *command->words ? command->words : "no words");
    return TOOL_DONE;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int tool_main(int argc, char **argv)
{
    const struct command *command = find_command(argv[1]);
    struct tool tool = {.name = argv[1], .interval_ms = INTERVAL_MS, .timeout_ms = TIMEOUT_MS, .pods = 1};
    if (!command) {
        tool_print_commands(stdout);
        return TOOL_DONE;
    }
    if (asks_for_help(argc, argv)) {
        print_help(command);
        return TOOL_DONE;
    }
    int status = read_words(&tool, command, argc, argv);
    if (status == TOOL_DONE)
        status = command->run(&tool);
    tv_setup_free(tool.setup);
    return status;
}

// mongosh: what the health check of docker-compose.yml asks of the real one, whose JavaScript this cannot run: it takes the address
// and the password's file from that script, signs in there as it says, and pings. Ends with 0 when the server let it in.
//   mongosh [OPTIONS] --file SCRIPT
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *name)
{
    static char text[2][8192];
    static int used;
    FILE *file = fopen(name, "r");
    if (!file || used == 2) {
        perror(name);
        exit(2);
    }
    char *into = text[used++];
    into[fread(into, 1, sizeof text[0] - 1, file)] = '\0';
    fclose(file);
    return into;
}

// What stands between `before` and the character `end`; both must be there.
static char *between(const char *text, const char *before, char end)
{
    const char *start = strstr(text, before);
    const char *stop = start ? strchr(start + strlen(before), end) : NULL;
    if (!stop) {
        fprintf(stderr, "mongosh: the script has no %s...%c\n", before, end);
        exit(2);
    }
    start += strlen(before);
    return bson_strndup(start, (size_t)(stop - start));
}

int main(int argc, char **argv)
{
    const char *script = NULL;
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], "--file"))
            script = read_file(argv[i + 1]);
    if (!script) {
        fputs("mongosh: no --file\n", stderr);
        return 2;
    }
    char *password = read_file(between(script, "readFileSync(\"", '"'));
    password[strcspn(password, "\n")] = '\0';
    char *uri = between(script, "connect(`", '`');
    char *hole = strstr(uri, "${password}");
    if (!hole) {
        fputs("mongosh: the address has no ${password}\n", stderr);
        return 2;
    }
    // make-secrets writes passwords that need no encoding.
    *hole = '\0';
    char *whole = bson_strdup_printf("%s%s%s", uri, password, hole + strlen("${password}"));

    mongoc_init();
    bson_error_t error;
    mongoc_client_t *client = mongoc_client_new(whole);
    if (!client) {
        fputs("mongosh: the address is none\n", stderr);
        return 2;
    }
    bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
    if (!mongoc_client_command_simple(client, "admin", ping, NULL, NULL, &error)) {
        fprintf(stderr, "mongosh: %s\n", error.message);
        return 1;
    }
    return 0;
}

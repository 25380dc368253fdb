/*
 * error.c - tests of the one error type: it owns its texts, and cuts them only between characters.
 */
#include "base/error.h"

#include "base/slice.h"
#include "tap.h"

static void filling(void)
{
    struct tv_error error;
    memset(&error, 'x', sizeof error);
    ok(!tv_fail(&error, 404, "E1", "no %s", "thing"), "tv_fail returns false");
    is_number(error.status, 404, "the status");
    is_text(error.code, "E1", "the code");
    is_text(error.message, "no thing", "the message");
    is_text(error.details, "", "no details");
    is_text(error.hint, "", "no hint");
    is_text(error.allow, "", "no Allow");
    ok(error.retry_after == 0 && error.native == 0, "and no numbers");
    tv_error_details(&error, "d%d", 1);
    tv_error_hint(&error, "h%d", 2);
    is_text(error.details, "d1", "details are added");
    is_text(error.hint, "h2", "so is the hint");
    tv_fail(&error, 500, NULL, "again: %s (%s)", error.message, error.code);
    is_text(error.message, "again: no thing (E1)", "an error may be made of itself");
    is_text(error.code, "", "without a code the dialect chooses");
    is_text(error.details, "", "and the details of before are gone");
    tv_fail(&error, 400, "a code that is much longer than any code of any dialect", "x");
    is_text(error.code, "a code that is much longer than any cod", "a code that is too long is cut");
    tv_fail(&error, 400, error.code + 2, "x");
    is_text(error.code, "code that is much longer than any cod", "a code may be made of itself");
}

/* A text of many characters of one kind, shifted so that the cut falls everywhere in them. */
static bool cut_cleanly(const char *character, size_t shift)
{
    struct tv_error error;
    char text[2048] = "";
    memset(text, 'a', shift);
    while (strlen(text) < 1000)
        strcat(text, character);
    tv_fail(&error, 400, NULL, "%s", text);
    tv_error_details(&error, "%s", text);
    tv_error_hint(&error, "%s", text);
    const char *const cut[] = {error.message, error.details, error.hint};
    static const size_t room[] = {sizeof error.message, sizeof error.details, sizeof error.hint};
    for (size_t i = 0; i < TV_COUNT(cut); i++) {
        size_t length = strlen(cut[i]);
        if (length >= room[i] || length + strlen(character) < room[i] || strncmp(cut[i], text, length) != 0 ||
            tv_utf8_valid_prefix(cut[i], length) != length)
            return false;
    }
    return true;
}

static void cutting(void)
{
    static const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < TV_COUNT(characters); i++)
        for (size_t shift = 0; shift < 4; shift++)
            ok(cut_cleanly(characters[i], shift), "characters of %zu bytes after %zu are cut between two",
               strlen(characters[i]), shift);
    struct tv_error error;
    char text[sizeof error.message + 1];
    memset(text, 'm', sizeof text);
    text[sizeof error.message - 1] = '\0';
    tv_fail(&error, 400, NULL, "%s", text);
    is_text(error.message, text, "a message that just fits is whole");
}

int main(void)
{
    filling();
    cutting();
    is_text(tv_status_text(404), "Not Found", "statuses have their phrase");
    is_text(tv_status_text(299), "OK", "unknown good ones too");
    is_text(tv_status_text(599), "Error", "and unknown bad ones");
    return done_testing();
}

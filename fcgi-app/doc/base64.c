/*
 * base64.c - see base64.h. Strict: padding must be right, nothing else may stand in between.
 */
#include "base64.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void doc_base64_write(struct tv_buffer *out, const uint8_t *data, size_t length)
{
    size_t size = (length + 2) / 3 * 4;
    char *to = tv_buffer_reserve(out, size);
    if (!to)
        return;
    for (size_t i = 0; i < length; i += 3) {
        unsigned left = length - i > 3 ? 3 : (unsigned)(length - i);
        uint32_t three = (uint32_t)data[i] << 16;
        three |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        three |= left > 2 ? data[i + 2] : 0;
        *to++ = letters[three >> 18];
        *to++ = letters[three >> 12 & 63];
        *to++ = left > 1 ? letters[three >> 6 & 63] : '=';
        *to++ = left > 2 ? letters[three & 63] : '=';
    }
    tv_buffer_commit(out, size);
}

bool doc_base64_read(struct tv_slice text, struct tv_buffer *out)
{
    size_t padding = 0;
    if (text.length % 4 != 0)
        return false;
    while (padding < 2 && padding < text.length && text.data[text.length - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < text.length; i += 4) {
        uint32_t three = 0;
        size_t given = i + 4 == text.length ? 4 - padding : 4;
        for (size_t j = 0; j < 4; j++) {
            char byte = text.data[i + j];
            const char *found = j >= given ? letters : byte != '\0' ? strchr(letters, byte) : NULL;
            if (!found)
                return false;
            three = three << 6 | (uint32_t)(found - letters);
        }
        if (given < 4 && (three & (given == 3 ? 0xFFu : 0xFFFFu)) != 0)
            return false; /* bits that no byte owns */
        char bytes[3] = {(char)(three >> 16), (char)(three >> 8), (char)three};
        tv_buffer_append(out, bytes, given - 1);
    }
    return true;
}

/*
 * read_bson.h - a JSON tree becomes BSON: EJSON's typed values, canonical and relaxed, and the legacy spellings that
 * clients still send. Every mistake is named with its place in the body.
 */
#ifndef TRIVET_DOC_READ_BSON_H
#define TRIVET_DOC_READ_BSON_H

#include "bson_out.h"
#include "trivet.h"

/* The most that the server takes as one document. */
#define DOC_DOCUMENT_MAX (16u * 1024 * 1024)

struct doc_reader {
    struct tv_arena *arena;
    struct tv_slice body;  /* what the tree was read from, for places in messages */
    struct tv_buffer *out; /* documents are appended */
    const char *field;     /* the request's field that is read, for messages */
    struct tv_error *error;
};

/* Appends object as one document; with new_id (12 bytes) an _id of that value comes first, unless object has one. */
bool doc_read_document(struct doc_reader *reader, const struct tv_json_value *object,
                       const uint8_t *new_id) TV_MUST_CHECK;
/* Appends one element of any type. */
bool doc_read_element(struct doc_reader *reader, struct tv_slice key,
                      const struct tv_json_value *value) TV_MUST_CHECK;
/* 400 when two members of the object bear the same name. */
bool doc_read_names(struct doc_reader *reader, const struct tv_json_value *object) TV_MUST_CHECK;

/* read_ejson.c: an object that stands for a value, like {"$oid": "..."}; *is_value is false for any other object. */
bool doc_read_ejson(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *object,
                    bool *is_value) TV_MUST_CHECK;

/* 400 with the field and the place of value. Returns false. */
bool doc_reader_fail(const struct doc_reader *reader, const struct tv_json_value *value, const char *format,
                     ...) TV_PRINTF(3, 4);

#endif

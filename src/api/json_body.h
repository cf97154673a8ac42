/* The JSON body of a call that asks for something to be done. */
#pragma once
#include <stdbool.h>

struct bud_error;   /* core/error.h */
struct bud_request; /* http/request.h */
struct json_t;      /* jansson */

/* The object in the body, whose members are all in `known` (ends with NULL); no body at all is an
 * object without members. The caller json_decref()s it. NULL: refused, and that was answered. */
struct json_t *bud_json_body_take(struct bud_request *request, const char *const *known);
/* Whether the body, if there is one, may be read as JSON (to PATCH, also as a merge patch); answers
 * 415 when not. */
bool bud_json_body_check_type(struct bud_request *request);
/* Answers 400: the call asks for what there is not. */
void bud_json_body_refuse(struct bud_request *request, const struct bud_error *error);

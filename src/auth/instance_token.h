/* An instance token: whoever holds it may read the events of one instance without a login, until it
 * expires, as far as its maker published them or owns their resource. It cannot be taken back but
 * with the key it was signed with, so its life is short. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_key_set; /* crypto/keyring.h */

#define BUD_INSTANCE_TOKEN_LIFE_S     3600
#define BUD_INSTANCE_TOKEN_LIFE_S_MAX 86400 /* as long as a key is kept after a rotation */
#define BUD_INSTANCE_BYTES_MAX        1024
#define BUD_INSTANCE_TOKEN_ID_BYTES   33

/* Starts as {0}; owns its texts. */
struct bud_instance_token {
	char id[BUD_INSTANCE_TOKEN_ID_BYTES]; /* of this token alone */
	char *maker;                          /* the identity's name */
	char *instance;                       /* the events' resourceinstance, exactly */
	int64_t expires_s;                    /* wall clock */
};

void bud_instance_token_finish(struct bud_instance_token *token);

/* Appends the token; its id is made. -ENOKEY: there is no key to sign with. */
BUD_MUST_CHECK int bud_instance_token_write(const struct bud_key_set *set,
	struct bud_instance_token *token, int64_t now_ms, struct bud_buffer *out);
/* Whether it looks like one; nothing is verified. */
bool bud_instance_token_is(struct bud_span text);
/* -EINVAL: it is none of ours, was altered, or has expired; `error` quotes nothing. */
BUD_MUST_CHECK int bud_instance_token_read(const struct bud_key_set *set, struct bud_span text,
	int64_t now_ms, struct bud_instance_token *out_token, struct bud_error *error);

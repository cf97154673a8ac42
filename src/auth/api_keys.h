/* API keys: what is known of each and who it makes of its bearer. A set of them never changes, so
 * threads may share it; counted. The key itself, "bsk_<id>_<secret>", is nowhere but with its
 * bearer: its digest is enough, as nobody can guess 256 random bits. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "auth/identity.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"
#include "crypto/digest.h"

struct bud_api_keys;    /* opaque */
struct bud_scope_rules; /* auth/scope_rules.h */

#define BUD_API_KEY_PREFIX   "bsk_"
#define BUD_API_KEY_ID_BYTES 17 /* 16 hex digits and a NUL */
#define BUD_API_KEY_BYTES    65 /* prefix, id, "_", 43 characters and a NUL */
#define BUD_API_KEYS_MAX     10000

/* What is stored of a key. Starts as {0}. */
struct bud_api_key {
	char id[BUD_API_KEY_ID_BYTES];
	unsigned char digest[BUD_SHA256_BYTES]; /* of the whole key */
	char *name;                             /* of the identity */
	char *note;                             /* for people; or NULL */
	char **scopes;
	size_t scopes_n;
	int64_t created_ms;
	int64_t expires_ms; /* 0: never */
};

/* Makes id, key and digest; the key is the caller's to show once and to overwrite. */
void bud_api_key_make(struct bud_api_key *key, char out_text[BUD_API_KEY_BYTES]);
void bud_api_key_finish(struct bud_api_key *key);
/* Appends the JSON that is stored; with `for_people` the one that is shown, without the digest. */
void bud_api_key_write(const struct bud_api_key *key, bool for_people, struct bud_buffer *out);
/* -EINVAL: no such JSON. */
BUD_MUST_CHECK int bud_api_key_parse(struct bud_span json, struct bud_api_key *out_key);
/* True when `text` has the id of a key: 16 hex digits. */
bool bud_api_key_id_is_valid(struct bud_span text);

struct bud_api_keys *bud_api_keys_create(void);
/* Takes what is in `key`, as long as nobody else has the set; one with the same id is replaced. */
void bud_api_keys_add(struct bud_api_keys *keys, struct bud_api_key *key);
struct bud_api_keys *bud_api_keys_ref(struct bud_api_keys *keys);
/* NULL is fine. */
void bud_api_keys_unref(struct bud_api_keys *keys);
size_t bud_api_keys_count(const struct bud_api_keys *keys);
/* Unique to each set. */
size_t bud_api_keys_serial(const struct bud_api_keys *keys);
/* Walks them in no order: start with *position = 0; NULL at the end. */
const struct bud_api_key *bud_api_keys_next(const struct bud_api_keys *keys, size_t *position);

/* Who bears `token`, which begins with the prefix. -EINVAL: unknown, revoked, expired or not well
 * formed, all told alike. */
BUD_MUST_CHECK int bud_api_keys_identify(const struct bud_api_keys *keys, struct bud_span token,
	const struct bud_scope_rules *rules, int64_t now_ms, struct bud_identity **out_identity);

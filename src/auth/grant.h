/* A grant: an owner lets another identity subscribe to its events or read them, for some types,
 * until a date. Immutable once it is in force. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "auth/pattern.h"
#include "auth/question.h"
#include "core/alloc.h"

#define BUD_GRANT_ID_BYTES   33 /* 32 hex digits and a NUL */
#define BUD_GRANT_TYPES_MAX  64u
#define BUD_GRANT_TEXT_MAX   512u /* bytes of any text */
#define BUD_GRANTS_OWNER_MAX 1000u

/* All texts are owned by it. */
struct bud_grant {
	char id[BUD_GRANT_ID_BYTES];
	char *owner;
	char *to;
	unsigned actions; /* bit 1 << BUD_ACTION_SUBSCRIBE, READ */
	/* Exactly this one; NULL: all events that the owner publishes, and no others. */
	char *resource;
	struct bud_patterns types; /* none: all */
	char *until;               /* as given; or NULL */
	int64_t until_ms;          /* 0: until it is taken back */
	int64_t created_ms;
	uint64_t serial; /* where it stands in lists; beside the record, as its etag */
};

void bud_grant_destroy(struct bud_grant *grant);
void bud_grant_auto(struct bud_grant **grant);

/* Appends the API's form, which is the stored form, too. */
void bud_grant_write(const struct bud_grant *grant, struct bud_buffer *out);
/* From the stored form; -EINVAL when it is none. */
BUD_MUST_CHECK int bud_grant_load(struct bud_span json, struct bud_grant **out_grant);
/* 32 hex digits: two with the same one give the same. */
void bud_grant_fingerprint(const struct bud_grant *grant, char out[33]);

/* Whether it answers this question; who it is by is the authority's matter. */
bool bud_grant_covers(const struct bud_grant *grant, const struct bud_question *question);

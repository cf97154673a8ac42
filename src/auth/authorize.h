/* The authority: the one place that answers the one question of authorization, from ownership, the
 * policy, grants and what the decision point said. Shared by all threads. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "auth/grant.h"
#include "auth/question.h"
#include "core/alloc.h"
#include "core/hash.h"

struct bud_authority; /* opaque */
struct bud_event;     /* event/event.h */
struct bud_policy;    /* auth/policy.h */

struct bud_authority_options {
	bool is_open;          /* there is no authentication: all is `local` and permitted */
	bool has_point;        /* a decision point is asked what nobody else knows */
	size_t decisions_room; /* of the point's, kept for a while; 0: 65536 */
};

struct bud_authority *bud_authority_create(const struct bud_authority_options *options);
/* No thread uses it any more. NULL is fine. */
void bud_authority_destroy(struct bud_authority *authority);

/* Takes it, in place of the one before. NULL: none. */
void bud_authority_set_policy(struct bud_authority *authority, struct bud_policy *policy);

/* May it? In this order: the publisher's own events; not for another app; what a rule denies; the
 * owner of the resource; what a rule permits; a grant; the decision point; else no. LATER only
 * where the point has to be asked: access/decision_point.h, then again. `out_ruling` may be NULL.
 */
enum bud_decision bud_authorize(struct bud_authority *authority,
	const struct bud_question *question, struct bud_ruling *out_ruling);
/* The same for a delivery: may this owner of a subscription have this event? Where all owners are
 * `local` this costs one comparison. */
enum bud_decision bud_authorize_delivery(struct bud_authority *authority,
	const struct bud_event *event, struct bud_span subscription_owner, int64_t now_ms);
/* What bud_authorize_delivery() asks, or the same for reading; now_ms is the caller's to set.
 * Borrows both. */
void bud_question_of_event(const struct bud_event *event, struct bud_span who,
	enum bud_action action, struct bud_question *out_question);

/* True where there is no authentication. */
bool bud_authority_is_open(const struct bud_authority *authority);
/* Who owns a resource by the policy, copied into `out` (BUD_OWNER_BYTES); false: nobody. */
#define BUD_OWNER_BYTES 520
bool bud_authority_owner_of(
	struct bud_authority *authority, struct bud_span resource, char out[BUD_OWNER_BYTES]);

/* Grants, by the thread that follows the registry. */

/* Takes it. */
void bud_authority_put_grant(struct bud_authority *authority, struct bud_grant *taken);
void bud_authority_remove_grant(struct bud_authority *authority, struct bud_span id);
/* A load begins: what is put from now on comes into force, in place of all, when it ends. */
void bud_authority_begin_load(struct bud_authority *authority);
void bud_authority_end_load(struct bud_authority *authority);

/* Grants, by any thread. */

/* Appends, as JSON with commas between, grants by `owner` or to it with serials above `after`, at
 * most `max`. Returns the serial of the last one when there are more, else 0. */
uint64_t bud_authority_list_grants(struct bud_authority *authority, struct bud_span owner,
	uint64_t after, size_t max, struct bud_buffer *out);
/* The ids of at most `max` that ended before then. */
size_t bud_authority_list_expired(struct bud_authority *authority, int64_t before_ms,
	char (*out_ids)[BUD_GRANT_ID_BYTES], size_t max);
/* How many there are by `owner`, counted up to `max`. */
size_t bud_authority_count_grants(
	struct bud_authority *authority, struct bud_span owner, size_t max);

/* Decisions, by the decision point's clients. */

/* What stands for a question: those with the same one are the same. */
struct bud_hash_128 bud_authority_key(
	const struct bud_authority *authority, const struct bud_question *question);
/* PERMIT or DENY, until then. */
void bud_authority_remember(struct bud_authority *authority, struct bud_hash_128 key,
	enum bud_decision decision, int64_t until_ms);
void bud_authority_forget_decisions(struct bud_authority *authority);

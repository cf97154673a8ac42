/* Sealing of a subscription's secrets as they lie in the store: which members they are, and that
 * each is bound to its subscription and its place. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_sealer;              /* crypto/seal.h */
struct bud_subscription;        /* subscription/subscription.h */
struct bud_subscription_status; /* subscription/status.h */
struct json_t;                  /* jansson */

struct bud_sealing {
	const struct bud_sealer *sealer; /* NULL: nothing is sealed, and nothing sealed is read */
	struct bud_span owner;
	struct bud_span id;
};

/* Seals the secrets of a record. */
void bud_sealing_close_record(const struct bud_sealing *sealing, struct json_t *record);
/* Opens them; what was never sealed stays. -ENOKEY: sealed with a key that is not here; -EINVAL:
 * changed, or of another place. `error` names the member; then `record` is of no use. */
BUD_MUST_CHECK int bud_sealing_open_record(
	const struct bud_sealing *sealing, struct json_t *record, struct bud_error *error);

/* The same of one, the text at `member` ("config.signing.secret"): appends what it was. */
BUD_MUST_CHECK int bud_sealing_open_member(const struct bud_sealing *sealing, const char *member,
	struct bud_span text, struct bud_buffer *out);
/* Whether this one is not sealed with the key that seals now. False without a sealer. */
bool bud_sealing_is_old(const struct bud_sealer *sealer, struct bud_span text);

/* Whether one of them is not sealed with the key that seals now, but with another or not at all.
 * False without a sealer. `record` stays as it is. */
bool bud_sealing_record_is_old(const struct bud_sealing *sealing, struct json_t *record);

/* The secrets of a status (`member` is "callback_key", "access_token" or "refresh_token") stay in
 * memory as they are stored, so that a status that is written again is the same to a compare and
 * swap. Who sends one opens it, who puts one in closes it. Both give a text of the caller's own, to
 * be overwritten and freed; open gives NULL when it cannot. `text` may be NULL: NULL. */
char *bud_sealing_close_text(
	const struct bud_subscription *subscription, const char *member, const char *text);
char *bud_sealing_open_text(
	const struct bud_subscription *subscription, const char *member, const char *text);

/* Whether the status of `subscription` has a secret that is not sealed with the key that seals now.
 */
bool bud_sealing_status_is_old(const struct bud_subscription *subscription);
/* Seals those of `status`, which is a copy of its, with that key. What cannot be opened stays. */
void bud_sealing_renew_status(
	const struct bud_subscription *subscription, struct bud_subscription_status *status);

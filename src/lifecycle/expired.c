/* Expired grants. Each minute: lock -> those that ended long ago, of which a hundred at most ->
 * each gets its tombstone. What is not done by then is done a minute later: a grant that is gone
 * already is no matter. */
#include "lifecycle/expired.h"

#include "auth/authorize.h"
#include "auth/grant.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/random.h"
#include "store/grants.h"
#include "store/lock.h"

#define EACH_MS    60000
#define KEPT_MS    (7 * 86400000LL)
#define A_TURN     100
#define LOCK       "grants"
#define ETAG_BYTES 33

void bud_expired_init(
	struct bud_expired *expired, struct bud_store *store, struct bud_authority *authority)
{
	*expired = (struct bud_expired){.store = store, .authority = authority};
}

static void on_ended(void *owner, int err, const struct bud_put_result *result)
{
	(void)owner;
	(void)err;
	(void)result;
}

/* Whatever it is by now: nobody can change a grant, only take it back. */
static bool take_back(struct bud_expired *expired, const char *id)
{
	char etag[ETAG_BYTES];

	bud_random_hex(etag, (ETAG_BYTES - 1) / 2);
	return bud_grant_put_end(expired->store, id, etag, on_ended, NULL) == 0;
}

static void on_locked(void *owner, int err, int64_t number)
{
	char ids[A_TURN][BUD_GRANT_ID_BYTES];
	struct bud_expired *expired = owner;
	size_t taken = 0;
	size_t n;

	expired->is_busy = false;
	if (err < 0 || number == 0)
		return;
	n = bud_authority_list_expired(
		expired->authority, bud_clock_wall_ms() - KEPT_MS, ids, A_TURN);
	while (taken < n && take_back(expired, ids[taken]))
		taken++;
	if (taken > 0)
		bud_log_info("grants that ended a week ago are taken back", "grants",
			bud_log_number((int64_t)taken));
}

void bud_expired_tick(struct bud_expired *expired, int64_t mono_ms)
{
	if (!expired->authority || expired->is_busy || mono_ms < expired->due_mono_ms)
		return;
	expired->due_mono_ms = mono_ms + EACH_MS;
	expired->is_busy = bud_lock_take(expired->store, bud_span(LOCK), EACH_MS - EACH_MS / 20,
				   on_locked, expired) == 0;
}

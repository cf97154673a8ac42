/* Trust. */
#include "auth/trust.h"

#include <assert.h>
#include <stdlib.h>

#include "auth/api_keys.h"
#include "core/alloc.h"
#include "core/counted.h"
#include "crypto/jwk.h"

struct shared_set {
	struct bud_counted counted;
	struct bud_trust_set set;
};

/* Wishes are numbered; those up to `answered` are. */
struct wish {
	atomic_uint_fast64_t wanted;
	atomic_uint_fast64_t answered;
	atomic_bool is_fresh;
};

struct bud_trust {
	struct bud_current current;
	atomic_uint_fast64_t generation; /* of the current set */
	struct wish wishes[BUD_ISSUERS_MAX];
	struct bud_issuers *_Atomic offered; /* a reference; or NULL */
};

static struct shared_set *shared(struct bud_counted *counted)
{
	return bud_container(counted, struct shared_set, counted);
}

static void destroy(struct bud_counted *counted)
{
	struct shared_set *of = shared(counted);

	for (size_t i = 0; i < BUD_ISSUERS_MAX; i++)
		bud_jwk_set_unref(of->set.keys[i]);
	bud_api_keys_unref(of->set.api_keys);
	bud_issuers_unref((struct bud_issuers *)of->set.issuers);
	free(of);
}

/* The next one: a copy that holds all that the current one holds. */
static struct shared_set *create_next(const struct bud_trust *trust)
{
	struct shared_set *fresh = bud_new(struct shared_set);

	bud_counted_init(&fresh->counted, destroy);
	fresh->set = shared(trust->current.now)->set;
	for (size_t i = 0; i < BUD_ISSUERS_MAX; i++)
		if (fresh->set.keys[i])
			bud_jwk_set_ref(fresh->set.keys[i]);
	if (fresh->set.issuers)
		bud_issuers_ref((struct bud_issuers *)fresh->set.issuers);
	if (fresh->set.api_keys)
		bud_api_keys_ref(fresh->set.api_keys);
	fresh->set.generation++;
	return fresh;
}

struct bud_trust *bud_trust_create(struct bud_issuers *issuers)
{
	struct bud_trust *trust = bud_new(struct bud_trust);
	struct shared_set *first = bud_new(struct shared_set);

	bud_counted_init(&first->counted, destroy);
	bud_current_init(&trust->current, &first->counted);
	first->set.generation = 1;
	first->set.issuers = issuers ? bud_issuers_ref(issuers) : NULL;
	atomic_init(&trust->generation, 1);
	atomic_init(&trust->offered, NULL);
	for (size_t i = 0; issuers && i < issuers->n; i++)
		if (issuers->at[i].fixed)
			first->set.keys[i] = bud_jwk_set_ref(issuers->at[i].fixed);
	return trust;
}

void bud_trust_destroy(struct bud_trust *trust)
{
	if (!trust)
		return;
	bud_current_finish(&trust->current);
	bud_issuers_unref(trust->offered);
	free(trust);
}

static void publish(struct bud_trust *trust, struct shared_set *fresh)
{
	bud_current_put(&trust->current, &fresh->counted);
	atomic_store(&trust->generation, fresh->set.generation);
}

void bud_trust_put_keys(struct bud_trust *trust, size_t issuer, struct bud_jwk_set *keys)
{
	struct shared_set *fresh = create_next(trust);

	assert(issuer < BUD_ISSUERS_MAX);
	bud_jwk_set_unref(fresh->set.keys[issuer]);
	fresh->set.keys[issuer] = keys ? bud_jwk_set_ref(keys) : NULL;
	publish(trust, fresh);
}

void bud_trust_put_api_keys(struct bud_trust *trust, struct bud_api_keys *keys)
{
	struct shared_set *fresh = create_next(trust);

	bud_api_keys_unref(fresh->set.api_keys);
	fresh->set.api_keys = keys ? bud_api_keys_ref(keys) : NULL;
	publish(trust, fresh);
}

/* Of one of the new issuers: its own, or those it had. NULL: to be fetched. */
static struct bud_jwk_set *keys_of(
	const struct bud_trust_set *before, const struct bud_issuer *issuer)
{
	int i = bud_issuers_find_same(before->issuers, issuer);
	struct bud_jwk_set *keys = i < 0 ? issuer->fixed : before->keys[i];

	return keys ? bud_jwk_set_ref(keys) : NULL;
}

void bud_trust_offer_issuers(struct bud_trust *trust, struct bud_issuers *issuers)
{
	bud_issuers_unref(atomic_exchange(&trust->offered, bud_issuers_ref(issuers)));
}

bool bud_trust_put_offered(struct bud_trust *trust)
{
	struct bud_issuers *issuers = atomic_exchange(&trust->offered, NULL);
	const struct bud_trust_set *before = &shared(trust->current.now)->set;
	struct shared_set *fresh;

	if (!issuers)
		return false;
	fresh = create_next(trust);

	for (size_t i = 0; i < BUD_ISSUERS_MAX; i++) {
		bud_jwk_set_unref(fresh->set.keys[i]);
		fresh->set.keys[i] = i < issuers->n ? keys_of(before, &issuers->at[i]) : NULL;
	}
	bud_issuers_unref((struct bud_issuers *)fresh->set.issuers);
	fresh->set.issuers = issuers;
	publish(trust, fresh);
	for (size_t i = 0; i < BUD_ISSUERS_MAX; i++)
		bud_trust_answer(trust, i, bud_trust_wanted(trust, i), false);
	return true;
}

const struct bud_trust_set *bud_trust_take(struct bud_trust *trust)
{
	return &shared(bud_current_take(&trust->current))->set;
}

void bud_trust_set_unref(const struct bud_trust_set *set)
{
	if (set)
		bud_counted_unref(&bud_container(set, struct shared_set, set)->counted);
}

uint64_t bud_trust_generation(const struct bud_trust *trust)
{
	return atomic_load_explicit(&trust->generation, memory_order_acquire);
}

uint64_t bud_trust_want(struct bud_trust *trust, size_t issuer)
{
	return atomic_fetch_add(&trust->wishes[issuer].wanted, 1) + 1;
}

bool bud_trust_is_answered(
	const struct bud_trust *trust, size_t issuer, uint64_t ticket, bool *out_is_fresh)
{
	const struct wish *wish = &trust->wishes[issuer];

	if (atomic_load(&wish->answered) < ticket)
		return false;
	*out_is_fresh = atomic_load(&wish->is_fresh);
	return true;
}

uint64_t bud_trust_wanted(const struct bud_trust *trust, size_t issuer)
{
	const struct wish *wish = &trust->wishes[issuer];
	uint64_t wanted = atomic_load(&wish->wanted);

	return wanted > atomic_load(&wish->answered) ? wanted : 0;
}

void bud_trust_answer(struct bud_trust *trust, size_t issuer, uint64_t ticket, bool is_fresh)
{
	struct wish *wish = &trust->wishes[issuer];

	atomic_store(&wish->is_fresh, is_fresh);
	if (ticket > atomic_load(&wish->answered))
		atomic_store(&wish->answered, ticket);
}

/* Trust. Sets are counted, as a keyring's are; the lock is held for a few instructions. */
#include "auth/trust.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "auth/api_keys.h"
#include "crypto/jwk.h"

struct counted {
	atomic_uint refs;
	struct bud_trust_set set;
};

/* Wishes are numbered; those up to `answered` are. */
struct wish {
	atomic_uint_fast64_t wanted;
	atomic_uint_fast64_t answered;
	atomic_bool is_fresh;
};

struct bud_trust {
	pthread_mutex_t lock; /* of `now` */
	struct counted *now;
	atomic_uint_fast64_t generation; /* of `now` */
	struct wish wishes[BUD_ISSUERS_MAX];
	struct bud_issuers *_Atomic offered; /* a reference; or NULL */
};

/* A copy that holds all that `from` holds. */
static struct counted *copy(const struct counted *from)
{
	struct counted *fresh = bud_new(struct counted);

	fresh->set = from->set;
	atomic_init(&fresh->refs, 1);
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

	pthread_mutex_init(&trust->lock, NULL);
	trust->now = bud_new(struct counted);
	atomic_init(&trust->now->refs, 1);
	trust->now->set.generation = 1;
	trust->now->set.issuers = issuers ? bud_issuers_ref(issuers) : NULL;
	atomic_init(&trust->generation, 1);
	atomic_init(&trust->offered, NULL);
	for (size_t i = 0; issuers && i < issuers->n; i++)
		if (issuers->at[i].fixed)
			trust->now->set.keys[i] = bud_jwk_set_ref(issuers->at[i].fixed);
	return trust;
}

void bud_trust_destroy(struct bud_trust *trust)
{
	if (!trust)
		return;
	bud_trust_set_unref(&trust->now->set);
	bud_issuers_unref(trust->offered);
	pthread_mutex_destroy(&trust->lock);
	free(trust);
}

static void publish(struct bud_trust *trust, struct counted *fresh)
{
	struct counted *before = trust->now; /* nobody else writes it */

	pthread_mutex_lock(&trust->lock);
	trust->now = fresh;
	pthread_mutex_unlock(&trust->lock);
	atomic_store(&trust->generation, fresh->set.generation);
	bud_trust_set_unref(&before->set);
}

void bud_trust_put_keys(struct bud_trust *trust, size_t issuer, struct bud_jwk_set *keys)
{
	struct counted *fresh = copy(trust->now);

	assert(issuer < BUD_ISSUERS_MAX);
	bud_jwk_set_unref(fresh->set.keys[issuer]);
	fresh->set.keys[issuer] = keys ? bud_jwk_set_ref(keys) : NULL;
	publish(trust, fresh);
}

void bud_trust_put_api_keys(struct bud_trust *trust, struct bud_api_keys *keys)
{
	struct counted *fresh = copy(trust->now);

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
	const struct bud_trust_set *before = &trust->now->set;
	struct counted *fresh;

	if (!issuers)
		return false;
	fresh = copy(trust->now);

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
	struct counted *counted;

	pthread_mutex_lock(&trust->lock);
	counted = trust->now;
	atomic_fetch_add(&counted->refs, 1);
	pthread_mutex_unlock(&trust->lock);
	return &counted->set;
}

void bud_trust_set_unref(const struct bud_trust_set *set)
{
	struct counted *counted;

	if (!set)
		return;
	counted = (struct counted *)((char *)set - offsetof(struct counted, set));
	if (atomic_fetch_sub(&counted->refs, 1) > 1)
		return;
	for (size_t i = 0; i < BUD_ISSUERS_MAX; i++)
		bud_jwk_set_unref(set->keys[i]);
	bud_api_keys_unref(set->api_keys);
	bud_issuers_unref((struct bud_issuers *)set->issuers);
	free(counted);
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

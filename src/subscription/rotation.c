/* Rotations. A record is read-only once made, so a new one is made by way of its stored form. */
#include "subscription/rotation.h"

#include <assert.h>
#include <stdlib.h>

#include "core/random.h"
#include "subscription/push_config.h"
#include "subscription/signing_secret.h"
#include "subscription/subscription.h"

#define ETAG_BYTES 8

static struct bud_subscription *copy(
	const struct bud_subscription *old, const struct bud_subscription_defaults *defaults)
{
	struct bud_subscription_defaults unsealed = *defaults;
	struct bud_subscription plain = *old;
	struct bud_subscription *made = NULL;
	struct bud_buffer written = {0};
	struct bud_error error;
	int r;

	plain.sealer = NULL;
	unsealed.sealer = NULL;
	bud_subscription_write_record(&plain, &written);
	r = bud_subscription_load(bud_buffer_as_span(&written), &unsealed, &made, &error);
	assert(r == 0); /* what was written can be loaded */
	explicit_bzero(written.at, written.len);
	bud_buffer_finish(&written);
	made->sealer = defaults->sealer;
	bud_status_copy(&old->status, &made->status);
	return made;
}

static struct bud_push_config *own_config(struct bud_subscription *subscription)
{
	struct bud_push_config *config;

	if (subscription->config != &bud_push_config_default)
		return (struct bud_push_config *)subscription->config;
	config = bud_new(struct bud_push_config);
	*config = bud_push_config_default;
	subscription->config = config;
	return config;
}

/* Keeps the newest ones that still sign, behind room for one more. */
static void keep_previous(
	struct bud_push_config *config, const struct bud_rotation *rotation, int64_t now_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < config->previous_n; i++) {
		struct bud_previous_secret *previous = &config->previous[i];
		if (rotation->overlap_ms > 0 && previous->until_ms > now_ms &&
			n < BUD_PREVIOUS_SECRETS_MAX - 1)
			config->previous[n++] = *previous;
		else
			bud_free_secret(previous->secret);
	}
	config->previous_n = n;
}

/* In front: the newest comes first. */
static void add_previous(struct bud_push_config *config, char *taken, int64_t until_ms)
{
	memmove(&config->previous[1], &config->previous[0],
		config->previous_n * sizeof(config->previous[0]));
	config->previous[0] = (struct bud_previous_secret){taken, until_ms};
	config->previous_n++;
}

int bud_subscription_rotate(const struct bud_subscription *old, const struct bud_rotation *rotation,
	const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error)
{
	struct bud_subscription *made;
	char *secret = NULL;
	int r = bud_signing_secret_make(rotation->secret, &secret, error);

	if (r < 0)
		return r;
	if (strcmp(secret, old->secret) == 0) {
		bud_free_secret(secret);
		return bud_error_set(
			error, "secret", "secret is the one in force: give another, or none");
	}
	made = copy(old, defaults);
	if (rotation->overlap_ms > 0 || made->config->previous_n > 0)
		keep_previous(own_config(made), rotation, defaults->now_ms);
	if (rotation->overlap_ms > 0)
		add_previous(own_config(made), bud_move(made->secret),
			defaults->now_ms + rotation->overlap_ms);
	if (made->secret)
		bud_free_secret(made->secret);
	made->secret = secret;
	bud_random_hex(made->etag, ETAG_BYTES);
	*out_subscription = made;
	return 0;
}

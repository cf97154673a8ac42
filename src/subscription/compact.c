/* Compact subscriptions. A record that we wrote without anything special in it is read by the quick
 * reader; any other goes the usual way and is made compact afterwards. */
#include "subscription/compact.h"

#include <assert.h>
#include <stdlib.h>

#include "subscription/pool.h"
#include "subscription/push_config.h"
#include "subscription/push_config_json.h"
#include "subscription/quick.h"
#include "subscription/subscription.h"

/* The texts that lie behind the struct. */
struct place {
	size_t text;   /* of a bud_subscription_texts */
	size_t member; /* of a bud_subscription */
};

#define PLACE(name)                                                                                \
	{                                                                                          \
		offsetof(struct bud_subscription_texts, name),                                     \
			offsetof(struct bud_subscription, name)                                    \
	}

static const struct place places[] = {PLACE(id), PLACE(etag), PLACE(name), PLACE(source),
	PLACE(filters), PLACE(sink), PLACE(expires), PLACE(from), PLACE(secret)};

#define PLACES_N (sizeof(places) / sizeof(*places))

static struct bud_span text_at(const struct bud_subscription_texts *texts, size_t i)
{
	return *(const struct bud_span *)((const char *)texts + places[i].text);
}

static char **member_at(struct bud_subscription *subscription, size_t i)
{
	return (char **)((char *)subscription + places[i].member);
}

static size_t bytes_of(const struct bud_subscription_texts *texts)
{
	size_t bytes = texts->n_types * sizeof(char *);

	for (size_t i = 0; i < PLACES_N; i++)
		bytes += text_at(texts, i).at ? text_at(texts, i).len + 1 : 0;
	return bytes;
}

struct bud_subscription *bud_subscription_assemble(const struct bud_subscription_texts *texts,
	const struct bud_subscription *rest, struct bud_pool *pool)
{
	struct bud_subscription *made = bud_alloc(sizeof(*made) + bytes_of(texts));
	char *at;

	*made = *rest;
	made->is_compact = true;
	made->owner = (char *)(uintptr_t)bud_pool_take_text(pool, texts->owner);
	made->types = texts->n_types > 0 ? (char **)(made + 1) : NULL;
	made->n_types = texts->n_types;
	for (size_t i = 0; i < texts->n_types; i++)
		made->types[i] = (char *)(uintptr_t)bud_pool_take_text(pool, texts->types[i]);
	at = (char *)(made + 1) + texts->n_types * sizeof(char *);
	for (size_t i = 0; i < PLACES_N; i++) {
		struct bud_span text = text_at(texts, i);
		*member_at(made, i) = text.at ? at : NULL;
		if (!text.at)
			continue;
		memcpy(at, text.at, text.len);
		at[text.len] = '\0';
		at += text.len + 1;
	}
	return made;
}

static struct bud_span span_or_none(const char *text)
{
	return text ? bud_span(text) : (struct bud_span){NULL, 0};
}

/* What is equal in what it wishes may be shared, but no secret. */
static const struct bud_push_config *share(
	const struct bud_push_config *config, struct bud_pool *pool)
{
	static const struct bud_push_config_rest rest = {0};
	bud_auto(buffer) struct bud_buffer key = {0};

	if (config == &bud_push_config_default || config->previous_n > 0 || config->key_pem ||
		config->credential.type != BUD_CREDENTIAL_NONE)
		return config;
	bud_push_config_write(config, BUD_PUSH_CONFIG_STORED, &rest, &key);
	return bud_pool_add_config(
		pool, bud_buffer_as_span(&key), (struct bud_push_config *)(uintptr_t)config);
}

/* Takes what it is made from. */
static struct bud_subscription *make_compact(struct bud_subscription *taken, struct bud_pool *pool)
{
	struct bud_subscription_texts texts;
	struct bud_subscription *made;

	texts.owner = bud_span(taken->owner);
	texts.n_types = taken->n_types;
	for (size_t i = 0; i < taken->n_types; i++)
		texts.types[i] = bud_span(taken->types[i]);
	for (size_t i = 0; i < PLACES_N; i++)
		*(struct bud_span *)((char *)&texts + places[i].text) =
			span_or_none(*member_at(taken, i));
	taken->config = share(taken->config, pool);
	made = bud_subscription_assemble(&texts, taken, pool);
	taken->filter = NULL;
	taken->headers = NULL;
	taken->n_headers = 0;
	taken->config = NULL;
	taken->status = (struct bud_subscription_status){0};
	bud_subscription_destroy(taken);
	return made;
}

int bud_subscription_load_compact(struct bud_span json,
	const struct bud_subscription_beside *beside,
	const struct bud_subscription_defaults *defaults, struct bud_pool *pool,
	struct bud_subscription **out_subscription, struct bud_error *error)
{
	struct bud_subscription *made = bud_subscription_read_quickly(json, beside, defaults, pool);
	int r;

	if (!made) {
		r = bud_subscription_load(json, defaults, &made, error);
		if (r < 0)
			return r;
		bud_subscription_set_beside(made, beside);
		made = make_compact(made, pool);
	}
	*out_subscription = made;
	return 0;
}

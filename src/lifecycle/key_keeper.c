/* The key keeper. At once, at each connect and every 2 s: list -> (none: generate one, stored only
 * if there is still none) -> open each -> keyring. A key stops signing at the first look after its
 * overlap, by Redis' clock. */
#include "lifecycle/key_keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/log.h"
#include "core/text.h"
#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "crypto/signing_key.h"
#include "store/signing_keys.h"

#define REFRESH_MS 2000
/* What is sealed is bound to this place and the key's id. */
#define PLACE "server|keys|"

_Static_assert(BUD_STORED_KEYS_MAX <= BUD_KEYRING_KEYS_MAX, "all stored keys fit on the ring");

struct bud_key_keeper {
	struct bud_key_keeper_options options;
	uv_timer_t timer;
	bool is_looking;
	int load_err;        /* why the keyring is empty */
	bool has_complained; /* of what the last look found */
};

/* A rotation under way. */
struct rotation {
	struct bud_key_keeper *keeper;
	bud_key_keeper_fn fn;
	void *owner;
};

static void on_timer(uv_timer_t *timer);

struct bud_key_keeper *bud_key_keeper_open(const struct bud_key_keeper_options *options)
{
	struct bud_key_keeper *keeper = bud_new(struct bud_key_keeper);

	keeper->options = *options;
	keeper->load_err = -EAGAIN;
	if (keeper->options.refresh_ms == 0)
		keeper->options.refresh_ms = REFRESH_MS;
	uv_timer_init(options->loop, &keeper->timer);
	keeper->timer.data = keeper;
	uv_timer_start(&keeper->timer, on_timer, 0, (uint64_t)keeper->options.refresh_ms);
	return keeper;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void bud_key_keeper_close(struct bud_key_keeper *keeper)
{
	if (keeper)
		uv_close((uv_handle_t *)&keeper->timer, on_closed);
}

static void write_place(struct bud_span kid, struct bud_buffer *out)
{
	bud_buffer_text(out, PLACE);
	bud_buffer_span(out, kid);
}

/* 0, -ENOKEY or -EINVAL. */
static int open_key(const struct bud_key_keeper *keeper, const struct bud_stored_key *stored,
	struct bud_signing_key **out_key)
{
	bud_auto(buffer) struct bud_buffer place = {0};
	struct bud_buffer text = {0};
	enum bud_seal seal;
	int r;

	write_place(stored->kid, &place);
	seal = bud_seal_open(
		keeper->options.sealer, stored->text, bud_buffer_as_span(&place), &text);
	if (seal == BUD_SEAL_NO_KEY)
		r = -ENOKEY;
	else if (seal == BUD_SEAL_DAMAGED)
		r = -EINVAL;
	else
		r = bud_signing_key_parse(bud_buffer_as_span(&text), out_key, NULL);
	bud_buffer_finish_secret(&text);
	if (r == 0 && !bud_span_is(stored->kid, bud_signing_key_id(*out_key))) {
		bud_signing_key_destroy(bud_move(*out_key));
		r = -EINVAL;
	}
	return r;
}

/* Appends the key as it is stored. */
static void close_key(const struct bud_key_keeper *keeper, const struct bud_signing_key *key,
	struct bud_buffer *out)
{
	bud_auto(buffer) struct bud_buffer place = {0};
	struct bud_buffer plain = {0};

	write_place(bud_span(bud_signing_key_id(key)), &place);
	bud_signing_key_write(key, &plain);
	bud_seal_write(keeper->options.sealer, bud_buffer_as_span(&plain),
		bud_buffer_as_span(&place), out);
	bud_buffer_finish_secret(&plain);
}

static void on_sealed(void *owner, int err, int64_t n)
{
	(void)owner;
	if (err == 0 && n > 0)
		bud_log_info("sealed a signing key of the server anew");
}

/* Stored before there was a sealer, or sealed with a key that is about to go. What fails is done at
 * the next look. */
static void seal_if_old(struct bud_key_keeper *keeper, const struct bud_stored_key *stored,
	const struct bud_signing_key *key)
{
	const struct bud_sealer *sealer = keeper->options.sealer;
	bool is_plain = bud_span_starts(stored->text, bud_span("whsk_"));
	struct bud_stored_key again = {.kid = stored->kid};
	struct bud_buffer text = {0};

	if (!sealer || !(is_plain || bud_seal_is_old(sealer, stored->text)))
		return;
	close_key(keeper, key, &text);
	again.text = bud_buffer_as_span(&text);
	(void)!bud_signing_keys_seal(
		keeper->options.store, &again, stored->text, on_sealed, keeper);
	bud_buffer_finish_secret(&text);
}

static void complain(struct bud_span kid, int err)
{
	bud_auto(buffer) struct bud_buffer name = {0};

	bud_buffer_span(&name, kid);
	bud_log_error(err == -ENOKEY ? "a signing key of the server is sealed with a key that is "
				       "not configured here"
				     : "a signing key of the server was changed in Redis",
		"kid", name.at ? name.at : "");
}

static bool signs(const struct bud_stored_keys *list, size_t i)
{
	return list->at[i].until_ms == 0 || list->at[i].until_ms > list->now_ms;
}

/* A former key that cannot be opened is left out; without the current one everything stays as it
 * was, as another node may know better. */
static int put_on_ring(struct bud_key_keeper *keeper, const struct bud_stored_keys *list)
{
	struct bud_signing_key *keys[BUD_STORED_KEYS_MAX];
	size_t n = 0, signers_n = 0;
	bool is_well = true;
	struct bud_keyring *keyring = keeper->options.keyring;

	for (size_t i = 0; i < list->n; i++) {
		struct bud_signing_key *key = NULL;
		int err = open_key(keeper, &list->at[i], &key);
		if (err < 0) {
			if (!keeper->has_complained)
				complain(list->at[i].kid, err);
			is_well = false;
			if (i > 0)
				continue;
			keeper->has_complained = true;
			return err;
		}
		seal_if_old(keeper, &list->at[i], key);
		keys[n++] = key;
		/* Whoever signs stands before whoever does not. */
		if (signs(list, i)) {
			memmove(&keys[signers_n + 1], &keys[signers_n],
				(n - 1 - signers_n) * sizeof(keys[0]));
			keys[signers_n++] = key;
		}
	}
	keeper->has_complained = !is_well;
	if (bud_keyring_put(keyring, keys, n, signers_n))
		bud_log_info("the server's signing keys changed", "kid",
			bud_signing_key_id(keys[0]), "keys", bud_log_number(n));
	return 0;
}

static void look_at(struct bud_key_keeper *keeper, const struct bud_stored_keys *list)
{
	int err = put_on_ring(keeper, list);

	if (keeper->load_err == 0)
		return;
	keeper->load_err = err;
	keeper->options.on_loaded(keeper->options.owner, err);
}

/* A new key as it will be stored. */
struct fresh {
	struct bud_signing_key *key;
	struct bud_buffer text;
	struct bud_stored_key stored; /* points into the two above */
};

static void make_fresh(const struct bud_key_keeper *keeper, struct fresh *fresh)
{
	*fresh = (struct fresh){.key = bud_signing_key_generate()};
	close_key(keeper, fresh->key, &fresh->text);
	fresh->stored.kid = bud_span(bud_signing_key_id(fresh->key));
	fresh->stored.text = bud_buffer_as_span(&fresh->text);
}

static void drop_fresh(struct fresh *fresh)
{
	bud_signing_key_destroy(fresh->key);
	bud_buffer_finish_secret(&fresh->text);
}

static void on_ensured(void *owner, int err, const struct bud_stored_keys *list)
{
	struct bud_key_keeper *keeper = owner;

	keeper->is_looking = false;
	if (err == 0)
		look_at(keeper, list);
}

static void ensure(struct bud_key_keeper *keeper)
{
	struct fresh fresh;

	make_fresh(keeper, &fresh);
	keeper->is_looking = bud_signing_keys_ensure(
				     keeper->options.store, &fresh.stored, on_ensured, keeper) == 0;
	drop_fresh(&fresh);
}

static void on_listed(void *owner, int err, const struct bud_stored_keys *list)
{
	struct bud_key_keeper *keeper = owner;

	keeper->is_looking = false;
	if (err == 0 && list->n == 0)
		ensure(keeper);
	else if (err == 0)
		look_at(keeper, list);
}

static void look(struct bud_key_keeper *keeper)
{
	if (!keeper->is_looking)
		keeper->is_looking =
			bud_signing_keys_list(keeper->options.store, on_listed, keeper) == 0;
}

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

void bud_key_keeper_on_up(struct bud_key_keeper *keeper)
{
	look(keeper);
}

static void on_rotated(void *owner, int err, const struct bud_stored_keys *list)
{
	struct rotation rotation = *(struct rotation *)owner;

	free(owner);
	if (err == 0)
		err = put_on_ring(rotation.keeper, list);
	rotation.fn(rotation.owner, err);
}

int bud_key_keeper_rotate(
	struct bud_key_keeper *keeper, int64_t overlap_ms, bud_key_keeper_fn fn, void *owner)
{
	struct rotation *rotation;
	struct fresh fresh;
	int r = keeper->load_err;

	if (r < 0)
		return r;
	rotation = bud_new(struct rotation);
	*rotation = (struct rotation){keeper, fn, owner};
	make_fresh(keeper, &fresh);
	r = bud_signing_keys_rotate(
		keeper->options.store, &fresh.stored, overlap_ms, on_rotated, rotation);
	drop_fresh(&fresh);
	if (r < 0)
		free(rotation);
	return r;
}

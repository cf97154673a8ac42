/* API keys. */
#include "auth/api_keys.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/scope_rules.h"
#include "core/clock.h"
#include "core/map.h"
#include "core/random.h"
#include "crypto/base64.h"

#define ID_BYTES     8
#define SECRET_BYTES 32
#define SECRET_CHARS 43

struct bud_api_keys {
	atomic_uint refs;
	size_t serial;
	struct bud_map map; /* struct bud_api_key by id */
};

void bud_api_key_make(struct bud_api_key *key, char out_text[BUD_API_KEY_BYTES])
{
	unsigned char secret[SECRET_BYTES];
	char text[BUD_BASE64_LEN(SECRET_BYTES) + 1];

	bud_random_hex(key->id, ID_BYTES);
	bud_random_bytes(secret, sizeof(secret));
	text[bud_base64url_encode(secret, sizeof(secret), text)] = '\0';
	snprintf(out_text, BUD_API_KEY_BYTES, BUD_API_KEY_PREFIX "%s_%.*s", key->id, SECRET_CHARS,
		text);
	bud_digest_sha256(bud_span(out_text), key->digest);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
}

void bud_api_key_finish(struct bud_api_key *key)
{
	for (size_t i = 0; i < key->scopes_n; i++)
		free(key->scopes[i]);
	free(key->scopes);
	free(key->name);
	free(key->note);
	*key = (struct bud_api_key){.name = NULL};
}

/* The end of what people see. */
static void write_times(const struct bud_api_key *key, struct bud_buffer *out)
{
	char text[25];

	bud_clock_write(key->created_ms, text);
	bud_buffer_format(out, "],\"created\":\"%s\"", text);
	if (key->expires_ms > 0) {
		bud_clock_write(key->expires_ms, text);
		bud_buffer_format(out, ",\"expires\":\"%s\"", text);
	}
	bud_buffer_byte(out, '}');
}

void bud_api_key_write(const struct bud_api_key *key, bool for_people, struct bud_buffer *out)
{
	char digest[2 * BUD_SHA256_BYTES + 1];

	bud_buffer_format(out, "{\"id\":\"%s\",\"name\":", key->id);
	bud_buffer_json(out, bud_span(key->name));
	if (key->note) {
		bud_buffer_text(out, ",\"note\":");
		bud_buffer_json(out, bud_span(key->note));
	}
	bud_buffer_text(out, ",\"scopes\":[");
	for (size_t i = 0; i < key->scopes_n; i++) {
		bud_buffer_text(out, i > 0 ? "," : "");
		bud_buffer_json(out, bud_span(key->scopes[i]));
	}
	if (for_people) {
		write_times(key, out);
		return;
	}
	bud_digest_hex(key->digest, sizeof(key->digest), digest);
	bud_buffer_format(out, "],\"created_ms\":%lld,\"expires_ms\":%lld,\"sha256\":\"%s\"}",
		(long long)key->created_ms, (long long)key->expires_ms, digest);
}

bool bud_api_key_id_is_valid(struct bud_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!strchr("0123456789abcdef", text.at[i]))
			return false;
	return text.len == BUD_API_KEY_ID_BYTES - 1;
}

static bool read_digest(const char *text, unsigned char out[BUD_SHA256_BYTES])
{
	if (!text || strlen(text) != 2 * BUD_SHA256_BYTES ||
		strspn(text, "0123456789abcdef") != 2 * BUD_SHA256_BYTES)
		return false;
	for (size_t i = 0; i < BUD_SHA256_BYTES; i++) {
		unsigned byte = 0;
		(void)sscanf(text + 2 * i, "%2x", &byte);
		out[i] = (unsigned char)byte;
	}
	return true;
}

static void read_scopes(const json_t *list, struct bud_api_key *key)
{
	key->scopes = bud_alloc_zero((json_array_size(list) + 1) * sizeof(*key->scopes));
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_string(json_array_get(list, i)))
			key->scopes[key->scopes_n++] =
				bud_strdup(json_string_value(json_array_get(list, i)));
}

int bud_api_key_parse(struct bud_span json, struct bud_api_key *out_key)
{
	json_auto_t *root = json_loadb(json.len ? json.at : "", json.len, 0, NULL);
	const char *id = json_string_value(json_object_get(root, "id"));
	const char *name = json_string_value(json_object_get(root, "name"));
	const char *note = json_string_value(json_object_get(root, "note"));
	const char *digest = json_string_value(json_object_get(root, "sha256"));
	struct bud_api_key key = {.name = NULL};

	if (!id || !bud_api_key_id_is_valid(bud_span(id)) || !name ||
		!bud_identity_name_is_valid(bud_span(name)) || !read_digest(digest, key.digest))
		return -EINVAL;
	memcpy(key.id, id, sizeof(key.id));
	key.name = bud_strdup(name);
	key.note = note ? bud_strdup(note) : NULL;
	key.created_ms = json_integer_value(json_object_get(root, "created_ms"));
	key.expires_ms = json_integer_value(json_object_get(root, "expires_ms"));
	read_scopes(json_object_get(root, "scopes"), &key);
	*out_key = key;
	return 0;
}

struct bud_api_keys *bud_api_keys_create(void)
{
	static atomic_size_t serials;
	struct bud_api_keys *keys = bud_new(struct bud_api_keys);

	atomic_init(&keys->refs, 1);
	keys->serial = atomic_fetch_add(&serials, 1) + 1;
	return keys;
}

static void destroy_key(struct bud_api_key *key)
{
	if (!key)
		return;
	bud_api_key_finish(key);
	free(key);
}

void bud_api_keys_add(struct bud_api_keys *keys, struct bud_api_key *key)
{
	struct bud_api_key *own = bud_new(struct bud_api_key);

	assert(atomic_load(&keys->refs) == 1);
	*own = *key;
	*key = (struct bud_api_key){.name = NULL};
	destroy_key(bud_map_remove(&keys->map, bud_span(own->id)));
	bud_map_put(&keys->map, bud_span(own->id), own);
}

struct bud_api_keys *bud_api_keys_ref(struct bud_api_keys *keys)
{
	atomic_fetch_add(&keys->refs, 1);
	return keys;
}

void bud_api_keys_unref(struct bud_api_keys *keys)
{
	size_t position = 0;
	struct bud_api_key *key;

	if (!keys || atomic_fetch_sub(&keys->refs, 1) > 1)
		return;
	while ((key = bud_map_next(&keys->map, &position)))
		destroy_key(key);
	bud_map_finish(&keys->map);
	free(keys);
}

size_t bud_api_keys_count(const struct bud_api_keys *keys)
{
	return keys->map.n;
}

size_t bud_api_keys_serial(const struct bud_api_keys *keys)
{
	return keys->serial;
}

const struct bud_api_key *bud_api_keys_next(const struct bud_api_keys *keys, size_t *position)
{
	return bud_map_next(&keys->map, position);
}

/* In constant time, though digests of random secrets would not need it. */
static bool is_same(const unsigned char *a, const unsigned char *b)
{
	unsigned char differs = 0;

	for (size_t i = 0; i < BUD_SHA256_BYTES; i++)
		differs |= a[i] ^ b[i];
	return differs == 0;
}

static struct bud_identity *make_identity(
	const struct bud_api_key *key, const struct bud_scope_rules *rules)
{
	struct bud_identity *identity = bud_identity_create(BUD_AUTHENTICATED_KEY, key->name);

	identity->issuer = bud_strdup(key->id);
	for (size_t i = 0; i < key->scopes_n; i++)
		bud_identity_add_scope(identity, bud_span(key->scopes[i]));
	bud_scope_rules_apply(rules, identity);
	identity->expires_ms = key->expires_ms;
	return identity;
}

int bud_api_keys_identify(const struct bud_api_keys *keys, struct bud_span token,
	const struct bud_scope_rules *rules, int64_t now_ms, struct bud_identity **out_identity)
{
	size_t prefix = strlen(BUD_API_KEY_PREFIX);
	struct bud_span id = {token.at + prefix, BUD_API_KEY_ID_BYTES - 1};
	unsigned char digest[BUD_SHA256_BYTES];
	const struct bud_api_key *key;

	if (token.len != BUD_API_KEY_BYTES - 1)
		return -EINVAL;
	key = bud_map_get(&keys->map, id);
	bud_digest_sha256(token, digest);
	if (!key || !is_same(digest, key->digest) ||
		(key->expires_ms > 0 && now_ms >= key->expires_ms))
		return -EINVAL;
	*out_identity = make_identity(key, rules);
	return 0;
}

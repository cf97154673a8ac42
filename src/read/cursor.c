/* A cursor: {version, kind, position (8 bytes, the highest first), seal (8 bytes)} in base64url; a
 * whole one has a dot and the key's hash (16 bytes) behind that.
 * Whoever could write positions could move by:last (scripts/index_read.lua), hence the seal. */
#include "read/cursor.h"

#include <errno.h>

#include "crypto/base64.h"
#include "crypto/digest.h"
#include "store/index_key.h"
#include "store/store.h"

#define VERSION    1
#define PLAIN      10
#define SEAL       8
#define BYTES      (PLAIN + SEAL)
#define TEXT_BYTES (BUD_CURSOR_TEXT_BYTES - 1)
#define HASH_BYTES sizeof(((struct bud_index_key *)0)->hash)

static void seal(const struct bud_shard *shard, const struct bud_index_key *key,
	const unsigned char *plain, unsigned char *out)
{
	static const char purpose[] = "cursor";
	struct bud_span secret = {(const char *)shard->key.secret, sizeof(shard->key.secret)};
	char bytes[sizeof(purpose) + PLAIN + sizeof(key->hash)];
	unsigned char digest[BUD_SHA256_BYTES];

	memcpy(bytes, purpose, sizeof(purpose));
	memcpy(bytes + sizeof(purpose), plain, PLAIN);
	memcpy(bytes + sizeof(purpose) + PLAIN, key->hash, sizeof(key->hash));
	bud_digest_hmac_sha256(secret, (struct bud_span){bytes, sizeof(bytes)}, digest);
	memcpy(out, digest, SEAL);
}

void bud_cursor_write(const struct bud_shard *shard, const struct bud_index_key *key,
	uint64_t position, char out[BUD_CURSOR_TEXT_BYTES])
{
	unsigned char bytes[BYTES] = {VERSION, (unsigned char)key->kind};

	for (int i = 0; i < 8; i++)
		bytes[2 + i] = (unsigned char)(position >> (56 - 8 * i));
	seal(shard, key, bytes, bytes + PLAIN);
	bud_base64url_encode(bytes, BYTES, out);
	out[TEXT_BYTES] = '\0';
}

/* -EINVAL: it is no text of `room` bytes. */
static int decode(struct bud_span text, void *out, size_t room)
{
	size_t len;

	if (bud_base64url_decode(text, out, room, &len) < 0 || len != room)
		return -EINVAL;
	return 0;
}

/* -EINVAL: it has not the form of a cursor. */
static int read_plain(struct bud_span text, unsigned char out[BYTES])
{
	if (text.len != TEXT_BYTES || decode(text, out, BYTES) < 0 || out[0] != VERSION ||
		out[1] >= BUD_INDEX_KINDS)
		return -EINVAL;
	return 0;
}

bool bud_cursor_has_form(struct bud_span text)
{
	struct bud_span plain = bud_span_take_until(&text, '.');
	unsigned char bytes[BYTES];
	unsigned char hash[HASH_BYTES];

	return read_plain(plain, bytes) == 0 &&
	       (text.len == 0 || decode(text, hash, HASH_BYTES) == 0);
}

int bud_cursor_parse(const struct bud_shard *shard, const struct bud_index_key *key,
	struct bud_span text, uint64_t *out_position)
{
	unsigned char bytes[BYTES];
	unsigned char sealed[SEAL];
	uint64_t position = 0;

	if (read_plain(text, bytes) < 0)
		return -EINVAL;
	seal(shard, key, bytes, sealed);
	if (bytes[1] != key->kind || memcmp(sealed, bytes + PLAIN, SEAL) != 0)
		return -EINVAL;
	for (int i = 0; i < 8; i++)
		position = position << 8 | bytes[2 + i];
	*out_position = position;
	return 0;
}

void bud_cursor_write_whole(const struct bud_shard *shard, const struct bud_index_key *key,
	uint64_t position, char out[BUD_CURSOR_WHOLE_BYTES])
{
	char hash[BUD_BASE64_LEN(HASH_BYTES)];

	bud_cursor_write(shard, key, position, out);
	out[TEXT_BYTES] = '.';
	bud_base64url_encode(key->hash, HASH_BYTES, hash);
	memcpy(out + TEXT_BYTES + 1, hash, BUD_CURSOR_WHOLE_BYTES - TEXT_BYTES - 2);
	out[BUD_CURSOR_WHOLE_BYTES - 1] = '\0';
}

int bud_cursor_parse_whole(const struct bud_shard *shard, struct bud_span text,
	struct bud_index_key *out_key, uint64_t *out_position)
{
	struct bud_span rest = text;
	struct bud_span plain = bud_span_take_until(&rest, '.');
	unsigned char bytes[BYTES];
	struct bud_index_key key;

	if (read_plain(plain, bytes) < 0 || decode(rest, key.hash, HASH_BYTES) < 0)
		return -EINVAL;
	key.kind = (enum bud_index_kind)bytes[1];
	if (bud_cursor_parse(shard, &key, plain, out_position) < 0)
		return -EINVAL;
	*out_key = key;
	return 0;
}

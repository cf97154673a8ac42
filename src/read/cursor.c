/* A cursor: {version, kind, position (8 bytes, the highest first), seal (8 bytes)} in base64url.
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

/* From the URL alphabet to the standard one. */
static void translate(struct bud_span text, char *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == '-' || c == '_')
			c = c == '-' ? '+' : '/';
		else if (c == '+' || c == '/')
			c = '!'; /* in neither */
		out[i] = c;
	}
}

int bud_cursor_parse(const struct bud_shard *shard, const struct bud_index_key *key,
	struct bud_span text, uint64_t *out_position)
{
	char standard[TEXT_BYTES];
	unsigned char bytes[BYTES];
	unsigned char sealed[SEAL];
	uint64_t position = 0;
	size_t len;

	if (text.len != TEXT_BYTES)
		return -EINVAL;
	translate(text, standard);
	if (bud_base64_decode((struct bud_span){standard, TEXT_BYTES}, BUD_BASE64_UNPADDED, bytes,
		    BYTES, &len) < 0 ||
		len != BYTES)
		return -EINVAL;
	seal(shard, key, bytes, sealed);
	if (bytes[0] != VERSION || bytes[1] != key->kind ||
		memcmp(sealed, bytes + PLAIN, SEAL) != 0)
		return -EINVAL;
	for (int i = 0; i < 8; i++)
		position = position << 8 | bytes[2 + i];
	*out_position = position;
	return 0;
}

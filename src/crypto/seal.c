/* Sealing. The nonce is random: 96 bits are enough for 2^32 texts under a key (NIST SP 800-38D,
 * 8.3), and we seal one for each change of a secret. The header is signed with the place, so that
 * nothing in the text can be changed. */
#include "crypto/seal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "core/random.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/insist.h"

#define NONCE_BYTES 12
#define TAG_BYTES   16
/* Of a key's digest, in hex. */
#define NAME_BYTES 4

static const char prefix[] = "sealed:v1:";

struct key {
	unsigned char bytes[BUD_SEAL_KEY_BYTES];
	char name[2 * NAME_BYTES + 1];
	const EVP_CIPHER *cipher; /* the sealer's */
};

struct bud_sealer {
	EVP_CIPHER *cipher; /* looked up once: that costs as much as to open a secret */
	size_t n;
	struct key keys[BUD_SEAL_KEYS_MAX];
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_hex(struct bud_span text, unsigned char out[BUD_SEAL_KEY_BYTES])
{
	for (size_t i = 0; i < BUD_SEAL_KEY_BYTES; i++) {
		int high = hex_digit(text.at[2 * i]);
		int low = hex_digit(text.at[2 * i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

static int parse_key(struct bud_span text, struct key *key)
{
	unsigned char digest[BUD_SHA256_BYTES];
	size_t len = 0;
	int r = -EINVAL;

	if (text.len == 2 * BUD_SEAL_KEY_BYTES)
		r = parse_hex(text, key->bytes);
	else if (bud_base64_decode(
			 text, BUD_BASE64_UNPADDED, key->bytes, sizeof(key->bytes), &len) == 0 &&
		 len == sizeof(key->bytes))
		r = 0;
	if (r < 0)
		return r;
	/* With a keyed hash, so that no digest of the key itself lies about. */
	bud_digest_hmac_sha256((struct bud_span){(const char *)key->bytes, sizeof(key->bytes)},
		bud_span("budstikke seal key name"), digest);
	bud_digest_hex(digest, NAME_BYTES, key->name);
	return 0;
}

static const struct key *find_key(const struct bud_sealer *sealer, struct bud_span name)
{
	for (size_t i = 0; sealer && i < sealer->n; i++)
		if (bud_span_is(name, sealer->keys[i].name))
			return &sealer->keys[i];
	return NULL;
}

int bud_sealer_create(const struct bud_span *keys, size_t n, struct bud_sealer **out_sealer,
	struct bud_error *error)
{
	struct bud_sealer *sealer;

	if (n == 0) {
		*out_sealer = NULL;
		return 0;
	}
	if (n > BUD_SEAL_KEYS_MAX)
		return bud_error_set(error, NULL, "at most %d keys for sealing", BUD_SEAL_KEYS_MAX);
	sealer = bud_new(struct bud_sealer);
	sealer->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	bud_insist(sealer->cipher != NULL);
	for (size_t i = 0; i < n; i++) {
		struct key *key = &sealer->keys[sealer->n];
		if (parse_key(keys[i], key) < 0) {
			bud_sealer_destroy(sealer);
			return bud_error_set(error, NULL,
				"key %zu for sealing is not 32 bytes in base64 (44 characters) or "
				"in hex (64 digits)",
				i + 1);
		}
		key->cipher = sealer->cipher;
		if (!find_key(sealer, bud_span(key->name)))
			sealer->n++;
	}
	*out_sealer = sealer;
	return 0;
}

void bud_sealer_destroy(struct bud_sealer *sealer)
{
	if (!sealer)
		return;
	EVP_CIPHER_free(sealer->cipher);
	OPENSSL_cleanse(sealer, sizeof(*sealer));
	free(sealer);
}

/* What the tag vouches for beside the text: the key's name, and the place. */
static void write_bound(const struct key *key, struct bud_span place, struct bud_buffer *out)
{
	bud_buffer_reserve(out, sizeof(prefix) + sizeof(key->name) + place.len);
	bud_buffer_text(out, prefix);
	bud_buffer_text(out, key->name);
	bud_buffer_byte(out, ':');
	bud_buffer_span(out, place);
}

static EVP_CIPHER_CTX *make_context(
	const struct key *key, const unsigned char *nonce, struct bud_span place, bool is_to_seal)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	bud_auto(buffer) struct bud_buffer bound = {0};
	int len;

	bud_insist(context != NULL);
	bud_insist(EVP_CipherInit_ex2(
		context, key->cipher, key->bytes, nonce, is_to_seal ? 1 : 0, NULL));
	write_bound(key, place, &bound);
	bud_insist(bound.len <= INT_MAX);
	bud_insist(EVP_CipherUpdate(context, NULL, &len, (const void *)bound.at, (int)bound.len));
	return context;
}

void bud_seal_write(const struct bud_sealer *sealer, struct bud_span text, struct bud_span place,
	struct bud_buffer *out)
{
	bud_auto(buffer) struct bud_buffer bytes = {0};
	const struct key *key;
	EVP_CIPHER_CTX *context;
	unsigned char *nonce, *to;
	int len = 0, end = 0;

	if (!sealer) {
		bud_buffer_span(out, text);
		return;
	}
	key = &sealer->keys[0];
	bud_insist(text.len <= INT_MAX / 2);
	nonce = (void *)bud_buffer_reserve(&bytes, NONCE_BYTES + text.len + TAG_BYTES);
	to = nonce + NONCE_BYTES;
	bud_random_bytes(nonce, NONCE_BYTES);
	context = make_context(key, nonce, place, true);
	/* Without a text OpenSSL would take the call for another one. */
	if (text.len > 0)
		bud_insist(
			EVP_CipherUpdate(context, to, &len, (const void *)text.at, (int)text.len));
	bud_insist(EVP_CipherFinal_ex(context, to + len, &end));
	bud_insist(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, to + text.len));
	EVP_CIPHER_CTX_free(context);
	bytes.len = NONCE_BYTES + text.len + TAG_BYTES;
	bud_buffer_format(out, "%s%s:", prefix, key->name);
	bud_base64_write(bud_buffer_as_span(&bytes), out);
}

/* `bytes` are nonce, text and tag; the text is opened in place. */
static bool open_bytes(
	const struct key *key, struct bud_span place, unsigned char *bytes, size_t text_len)
{
	EVP_CIPHER_CTX *context = make_context(key, bytes, place, false);
	unsigned char *text = bytes + NONCE_BYTES;
	int len = 0, end = 0;
	bool ok;

	if (text_len > 0)
		bud_insist(EVP_CipherUpdate(context, text, &len, text, (int)text_len));
	bud_insist(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, text + text_len));
	ok = EVP_CipherFinal_ex(context, text + len, &end) > 0;
	EVP_CIPHER_CTX_free(context);
	return ok;
}

enum bud_seal bud_seal_open(const struct bud_sealer *sealer, struct bud_span sealed,
	struct bud_span place, struct bud_buffer *out)
{
	struct bud_span rest = sealed;
	bud_auto(buffer) struct bud_buffer bytes = {0};
	struct bud_span name;
	const struct key *key;
	size_t room, len = 0;
	bool ok;

	if (!bud_span_starts(sealed, bud_span(prefix))) {
		bud_buffer_span(out, sealed);
		return BUD_SEAL_NONE;
	}
	rest = (struct bud_span){sealed.at + strlen(prefix), sealed.len - strlen(prefix)};
	name = bud_span_take_until(&rest, ':');
	if (name.len != 2 * NAME_BYTES)
		return BUD_SEAL_DAMAGED;
	key = find_key(sealer, name);
	if (!key)
		return BUD_SEAL_NO_KEY;
	room = BUD_BASE64_DECODED_MAX(rest.len);
	bud_buffer_reserve(&bytes, room);
	if (rest.len > INT_MAX ||
		bud_base64_decode(rest, BUD_BASE64_PADDED, bytes.at, room, &len) < 0 ||
		len < NONCE_BYTES + TAG_BYTES)
		return BUD_SEAL_DAMAGED;
	ok = open_bytes(key, place, (unsigned char *)bytes.at, len - NONCE_BYTES - TAG_BYTES);
	if (ok)
		bud_buffer_add(out, bytes.at + NONCE_BYTES, len - NONCE_BYTES - TAG_BYTES);
	OPENSSL_cleanse(bytes.at, bytes.room);
	return ok ? BUD_SEAL_OPENED : BUD_SEAL_DAMAGED;
}

bool bud_seal_is_old(const struct bud_sealer *sealer, struct bud_span text)
{
	struct bud_span rest = text;

	if (!sealer || !bud_span_starts(text, bud_span(prefix)))
		return false;
	rest = (struct bud_span){text.at + strlen(prefix), text.len - strlen(prefix)};
	return !bud_span_is(bud_span_take_until(&rest, ':'), sealer->keys[0].name);
}

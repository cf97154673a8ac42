/* The receiver's side of a webhook signature. Part of the public library, so it aborts on nothing:
 * headers -> time -> one MAC per secret, compared with every v1 signature of the list; for a public
 * key, each v1a signature is checked. */
#include "budstikke/webhook.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/secret.h"
#include "crypto/signing_key.h"

/* Checking a v1a signature costs 60 us, and a stranger may send many. */
#define V1A_SIGNATURES_MAX 16

struct message {
	struct bud_span id;
	struct bud_span timestamp;
	struct bud_span signatures;
	const void *body;
	size_t body_len;
};

static struct bud_span span_of(const char *text)
{
	return bud_span_trim(bud_span(text ? text : ""));
}

static int check_time(struct bud_span text, int64_t now_s, int64_t tolerance_s)
{
	uint64_t timestamp_s;
	int64_t age_s;

	if (!bud_span_number(text, INT64_MAX, &timestamp_s))
		return -EINVAL;
	/* now_s may be anything, so the difference may not fit. */
	if (__builtin_sub_overflow(now_s, (int64_t)timestamp_s, &age_s))
		return -ETIME;
	if (age_s < 0 && __builtin_sub_overflow(0, age_s, &age_s))
		return -ETIME;
	return age_s > tolerance_s ? -ETIME : 0;
}

static bool feed(EVP_MAC_CTX *context, const struct message *message)
{
	return EVP_MAC_update(context, (const void *)message->id.at, message->id.len) &&
	       EVP_MAC_update(context, (const void *)".", 1) &&
	       EVP_MAC_update(
		       context, (const void *)message->timestamp.at, message->timestamp.len) &&
	       EVP_MAC_update(context, (const void *)".", 1) &&
	       EVP_MAC_update(context, message->body, message->body_len);
}

static int compute(const struct bud_secret *secret, const struct message *message,
	unsigned char out_mac[BUD_SHA256_BYTES])
{
	OSSL_PARAM settings[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	size_t len = 0;
	bool ok = context && EVP_MAC_init(context, secret->bytes, secret->len, settings) &&
		  feed(context, message) && EVP_MAC_final(context, out_mac, &len, BUD_SHA256_BYTES);

	EVP_MAC_CTX_free(context);
	EVP_MAC_free(hmac);
	return ok && len == BUD_SHA256_BYTES ? 0 : -ENOMEM;
}

/* Takes the next of the list. 1: `out` has it; 0: it is of another version, or malformed. */
static int next_signature(
	struct bud_span *list, const char *version, unsigned char *out, size_t bytes)
{
	struct bud_span one = bud_span_take_until(list, ' ');
	size_t len = 0;

	if (!bud_span_starts(one, bud_span(version)))
		return 0;
	one = (struct bud_span){one.at + strlen(version), one.len - strlen(version)};
	return bud_base64_decode(one, BUD_BASE64_PADDED, out, bytes, &len) == 0 && len == bytes;
}

/* Looks at every signature even after one fits, so that the time tells nothing. */
static bool is_listed(struct bud_span list, const unsigned char mac[BUD_SHA256_BYTES])
{
	unsigned char given[BUD_SHA256_BYTES];
	bool found = false;

	while (list.len > 0)
		if (next_signature(&list, "v1,", given, sizeof(given)))
			found |= CRYPTO_memcmp(given, mac, sizeof(given)) == 0;
	return found;
}

static unsigned char *join(const struct message *message, size_t *out_len)
{
	size_t len = message->id.len + message->timestamp.len + 2 + message->body_len;
	unsigned char *bytes = malloc(len);
	unsigned char *to = bytes;

	if (!bytes)
		return NULL;
	to = mempcpy(to, message->id.at, message->id.len);
	*to++ = '.';
	to = mempcpy(to, message->timestamp.at, message->timestamp.len);
	*to++ = '.';
	if (message->body_len > 0)
		memcpy(to, message->body, message->body_len);
	*out_len = len;
	return bytes;
}

static bool is_signed(
	EVP_PKEY *key, const unsigned char *signature, const unsigned char *bytes, size_t len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok =
		context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestVerify(context, signature, BUD_ED25519_SIGNATURE_BYTES, bytes, len) == 1;

	EVP_MD_CTX_free(context);
	return ok;
}

/* 1: signed with this one; 0: not. */
static int try_public_key(const char *text, const struct message *message)
{
	unsigned char raw[BUD_ED25519_BYTES], signature[BUD_ED25519_SIGNATURE_BYTES];
	struct bud_span list = message->signatures;
	unsigned char *bytes;
	size_t len = 0, n = 0;
	EVP_PKEY *key;
	int r;

	if (bud_public_key_parse(bud_span(text), raw) < 0)
		return -EKEYREJECTED;
	bytes = join(message, &len);
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
	r = bytes && key ? 0 : -ENOMEM;
	while (r == 0 && list.len > 0 && n < V1A_SIGNATURES_MAX) {
		if (!next_signature(&list, "v1a,", signature, sizeof(signature)))
			continue;
		n++;
		r = is_signed(key, signature, bytes, len);
	}
	EVP_PKEY_free(key);
	free(bytes);
	return r;
}

/* 1: signed with this one; 0: not. */
static int try_secret(const char *text, const struct message *message)
{
	unsigned char mac[BUD_SHA256_BYTES];
	bud_auto(secret) struct bud_secret secret = {0};
	int r;

	if (text && bud_span_starts(bud_span(text), bud_span("whpk_")))
		return try_public_key(text, message);
	if (!text || bud_secret_parse(bud_span(text), &secret, NULL) < 0)
		return -EKEYREJECTED;
	r = compute(&secret, message, mac);
	if (r == 0)
		r = is_listed(message->signatures, mac);
	OPENSSL_cleanse(mac, sizeof(mac));
	return r;
}

int bud_webhook_verify(const char *const *secrets, size_t n,
	const struct bud_webhook_headers *headers, const void *body, size_t body_len, int64_t now_s,
	int64_t tolerance_s)
{
	struct message message = {
		.id = span_of(headers->id),
		.timestamp = span_of(headers->timestamp),
		.signatures = span_of(headers->signature),
		.body = body,
		.body_len = body_len,
	};
	bool found = false;
	int r;

	if (message.id.len == 0 || message.signatures.len == 0)
		return -EINVAL;
	r = check_time(message.timestamp, now_s, tolerance_s);
	if (r < 0)
		return r;
	if (n == 0)
		return -EKEYREJECTED;
	for (size_t i = 0; i < n; i++) {
		r = try_secret(secrets[i], &message);
		if (r < 0)
			return r;
		found |= r == 1;
	}
	return found ? 0 : -EBADMSG;
}

/* OpenSSL reads; what it complains about stays out of the error text, which strangers may see. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <time.h>
#include "core/limits.h"
#include "crypto/pem.h"

static BIO *open_text(struct bud_span pem)
{
	return BIO_new_mem_buf(pem.at, (int)pem.len);
}

/* Nobody is asked at the terminal. */
static int on_passphrase(char *out, int size, int rwflag, void *owner)
{
	(void)out;
	(void)size;
	(void)rwflag;
	(void)owner;
	return -1;
}

static int check_length(struct bud_span pem, const char *member, struct bud_error *error)
{
	if (pem.len > 0 && pem.len <= BUD_PEM_BYTES_MAX)
		return 0;
	return bud_error_set(error, member, "PEM text has 1 to %u bytes", BUD_PEM_BYTES_MAX);
}

static int64_t expiry_of(const X509 *certificate)
{
	struct tm when = {0};
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) != 1)
		return 0;
	return (int64_t)timegm(&when);
}

int bud_pem_check_certificates(
	struct bud_span pem, const char *member, int64_t *out_expires_s, struct bud_error *error)
{
	int r = check_length(pem, member, error);
	if (r < 0)
		return r;
	int64_t first_s = INT64_MAX;
	BIO *text = open_text(pem);
	X509 *certificate;
	while ((certificate = PEM_read_bio_X509(text, NULL, on_passphrase, NULL)) != NULL) {
		int64_t expires_s = expiry_of(certificate);
		if (expires_s < first_s)
			first_s = expires_s;
		X509_free(certificate);
	}
	bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	BIO_free(text);
	if (first_s == INT64_MAX && is_at_end)
		return bud_error_set(error, member, "there is no certificate in this PEM text");
	if (!is_at_end)
		return bud_error_set(error, member, "a certificate in this PEM text is broken");
	if (out_expires_s)
		*out_expires_s = first_s;
	return 0;
}

static bool has_passphrase(struct bud_span key)
{
	return memmem(key.at, key.len, "ENCRYPTED", 9) != NULL;
}

int bud_pem_check_key(struct bud_span key, struct bud_span certificate, const char *member,
	struct bud_error *error)
{
	int r = check_length(key, member, error);
	if (r < 0)
		return r;
	BIO *text = open_text(key);
	EVP_PKEY *read = PEM_read_bio_PrivateKey(text, NULL, on_passphrase, NULL);
	BIO_free(text);
	text = open_text(certificate);
	X509 *owner = PEM_read_bio_X509(text, NULL, on_passphrase, NULL);
	BIO_free(text);
	if (!read && has_passphrase(key))
		r = bud_error_set(error, member, "the private key must not have a passphrase");
	else if (!read)
		r = bud_error_set(error, member, "there is no private key in this PEM text");
	else if (!owner || X509_check_private_key(owner, read) != 1)
		r = bud_error_set(error, member,
			"the private key does not belong to the certificate (the first one of "
			"its PEM text)");
	X509_free(owner);
	EVP_PKEY_free(read);
	ERR_clear_error();
	return r;
}

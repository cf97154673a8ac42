/* Certificates and keys that OpenSSL could use pass, with the time at which the first of them
 * expires; what is broken, mixed up, too long or locked is refused with a text that says which. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "certificates.h"
#include "core/limits.h"
#include "crypto/pem.h"

static struct authority *authority;
static struct identity one, other, short_lived;

static int set_up(void **state)
{
	(void)state;
	authority = authority_create();
	identity_init(&one,
		(struct identity_options){.authority = authority, .names = "DNS:one.example"});
	identity_init(&other,
		(struct identity_options){.authority = authority, .names = "DNS:other.example"});
	identity_init(&short_lived,
		(struct identity_options){
			.authority = authority, .names = "DNS:short.example", .valid_s = -60});
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	identity_finish(&one);
	identity_finish(&other);
	identity_finish(&short_lived);
	authority_destroy(authority);
	return 0;
}

static void assert_refused(int r, const struct bud_error *error, const char *text)
{
	assert_int_equal(r, -EINVAL);
	assert_string_equal(error->member, "part");
	if (!strstr(error->text, text))
		fail_msg("\"%s\" has no \"%s\"", error->text, text);
}

static void refuse_certificates(struct bud_span pem, const char *text)
{
	struct bud_error error = {0};
	int64_t expires_s = 7;
	int r = bud_pem_check_certificates(pem, "part", &expires_s, &error);
	assert_refused(r, &error, text);
	assert_int_equal(expires_s, 7);
}

static void refuse_key(const char *key, const char *certificate, const char *text)
{
	struct bud_error error = {0};
	int r = bud_pem_check_key(bud_span(key), bud_span(certificate), "part", &error);
	assert_refused(r, &error, text);
}

static void reads_certificates(void **state)
{
	(void)state;
	bud_auto(buffer) struct bud_buffer chain = {0};
	int64_t expires_s = 0, now_s = time(NULL);
	assert_int_equal(
		bud_pem_check_certificates(bud_span(one.certificate_pem), "part", &expires_s, NULL),
		0);
	assert_in_range(expires_s, now_s + 86000, now_s + 86800);
	bud_buffer_format(&chain, "who: me\n%s\n%s# the end\n", one.certificate_pem,
		short_lived.certificate_pem);
	assert_int_equal(
		bud_pem_check_certificates(bud_buffer_as_span(&chain), "part", &expires_s, NULL),
		0);
	assert_in_range(expires_s, now_s - 120, now_s);
	assert_int_equal(
		bud_pem_check_certificates(bud_span(authority_pem(authority)), "part", NULL, NULL),
		0);
}

static void refuses_what_is_no_certificate(void **state)
{
	(void)state;
	bud_auto(buffer) struct bud_buffer text = {0};
	refuse_certificates(bud_span(""), "1 to");
	refuse_certificates(bud_span("hello"), "no certificate");
	refuse_certificates(bud_span(one.key_pem), "no certificate");
	bud_buffer_text(&text, one.certificate_pem);
	text.at[200] = text.at[200] == 'A' ? 'B' : 'A';
	refuse_certificates((struct bud_span){text.at, 300}, "broken");
	memset(text.at + 100, '!', 20);
	refuse_certificates(bud_buffer_as_span(&text), "broken");
	bud_buffer_clear(&text);
	bud_buffer_text(&text, one.certificate_pem);
	bud_buffer_text(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	refuse_certificates(bud_buffer_as_span(&text), "broken");
}

static void refuses_what_is_too_long(void **state)
{
	(void)state;
	bud_auto(buffer) struct bud_buffer text = {0};
	bud_buffer_text(&text, one.certificate_pem);
	while (text.len < BUD_PEM_BYTES_MAX)
		bud_buffer_byte(&text, '\n');
	assert_int_equal(
		bud_pem_check_certificates(bud_buffer_as_span(&text), "part", NULL, NULL), 0);
	bud_buffer_byte(&text, '\n');
	refuse_certificates(bud_buffer_as_span(&text), "1 to 16384 bytes");
}

static void tells_whose_key_it_is(void **state)
{
	(void)state;
	bud_auto(buffer) struct bud_buffer chain = {0};
	bud_buffer_format(&chain, "%s%s", one.certificate_pem, authority_pem(authority));
	assert_int_equal(bud_pem_check_key(bud_span(one.key_pem), bud_span(one.certificate_pem),
				 "part", NULL),
		0);
	assert_int_equal(
		bud_pem_check_key(bud_span(one.key_pem), bud_buffer_as_span(&chain), "part", NULL),
		0);
	refuse_key(other.key_pem, one.certificate_pem, "does not belong");
	bud_buffer_clear(&chain);
	bud_buffer_format(&chain, "%s%s", authority_pem(authority), one.certificate_pem);
	refuse_key(one.key_pem, chain.at, "does not belong");
}

static void refuses_what_is_no_key(void **state)
{
	(void)state;
	refuse_key("hello", one.certificate_pem, "no private key");
	refuse_key(one.certificate_pem, one.certificate_pem, "no private key");
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	PEM_write_bio_PKCS8PrivateKey(bio, one.key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL);
	long len = BIO_get_mem_data(bio, &bytes);
	char *locked = bud_strndup(bytes, (size_t)len);
	BIO_free(bio);
	refuse_key(locked, one.certificate_pem, "passphrase");
	free(locked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_certificates),
		cmocka_unit_test(refuses_what_is_no_certificate),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(tells_whose_key_it_is),
		cmocka_unit_test(refuses_what_is_no_key),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

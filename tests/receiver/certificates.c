/* Keys on P-256: quick to make. */
#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "certificates.h"
#include "core/alloc.h"

#define DAY_S 86400

struct authority {
	struct identity identity;
};

static void add_extension(X509 *certificate, int what, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, what, value);
	assert(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

static X509 *make_certificate(EVP_PKEY *key, struct identity_options options)
{
	static long serial = 1;
	const struct identity *signer = options.authority ? &options.authority->identity : NULL;
	X509 *certificate = X509_new();
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -30L * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(certificate), options.valid_s ? options.valid_s : DAY_S);
	X509_set_pubkey(certificate, key);
	X509_NAME *name = X509_get_subject_name(certificate);
	char common[40];
	snprintf(
		common, sizeof(common), "%s %ld", options.names ? "identity" : "authority", serial);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)common, -1, -1, 0);
	X509_set_issuer_name(
		certificate, signer ? X509_get_subject_name(signer->certificate) : name);
	if (options.names) {
		add_extension(certificate, NID_subject_alt_name, options.names);
	} else {
		add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(certificate, NID_key_usage, "critical,keyCertSign");
	}
	int r = X509_sign(certificate, signer ? signer->key : key, EVP_sha256());
	assert(r > 0);
	return certificate;
}

static char *take_text(BIO *bio)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);
	char *text = bud_strndup(bytes, (size_t)len);
	BIO_free(bio);
	return text;
}

void identity_init(struct identity *identity, struct identity_options options)
{
	identity->key = EVP_EC_gen("P-256");
	assert(identity->key);
	identity->certificate = make_certificate(identity->key, options);
	BIO *key = BIO_new(BIO_s_mem());
	BIO *certificate = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(key, identity->key, NULL, NULL, 0, NULL, NULL);
	PEM_write_bio_X509(certificate, identity->certificate);
	identity->key_pem = take_text(key);
	identity->certificate_pem = take_text(certificate);
}

long identity_serial(const struct identity *identity)
{
	return ASN1_INTEGER_get(X509_get_serialNumber(identity->certificate));
}

void identity_finish(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	free(identity->key_pem);
	free(identity->certificate_pem);
}

struct authority *authority_create(void)
{
	struct authority *authority = bud_new(struct authority);
	identity_init(&authority->identity, (struct identity_options){0});
	return authority;
}

void authority_destroy(struct authority *authority)
{
	identity_finish(&authority->identity);
	free(authority);
}

const char *authority_pem(const struct authority *authority)
{
	return authority->identity.certificate_pem;
}

void authority_trust(const struct authority *authority, struct x509_store_st *store)
{
	X509_STORE_add_cert(store, authority->identity.certificate);
}

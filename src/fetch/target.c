/* Targets. libcurl's parser reads the URL once and the same CURLU goes to the transfer, so that no
 * two parsers can disagree about where it leads; the checks before it refuse what that parser
 * would mend or decode. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "core/error.h"
#include "core/limits.h"
#include "crypto/pem.h"
#include "fetch/address.h"
#include "fetch/guard.h"
#include "fetch/names.h"
#include "fetch/target.h"
#include "fetch/target_parts.h"

#define PORT_PRIVILEGED 1024
/* So many characters of a credential are looked for; fewer could be any word. */
#define QUOTED_MIN 6u
#define QUOTED_MAX 12u

/* Above the privileged ports: services that take HTTP for commands of their own or that let
 * everybody in who reaches them. */
static const uint16_t denied_ports[] = {1433, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389,
	4444, 5432, 5672, 5900, 5984, 6000, 6379, 6443, 6666, 6667, 7000, 7001, 9042, 9092, 9200,
	9300, 10250, 11211, 16379, 26379, 27017, 27018};

static bool is_port_allowed(unsigned long port)
{
	if (port < PORT_PRIVILEGED)
		return port == 80 || port == 443;
	for (size_t i = 0; i < sizeof(denied_ports) / sizeof(denied_ports[0]); i++)
		if (port == denied_ports[i])
			return false;
	return true;
}

/* What must hold for the text before libcurl's lenient parser sees it. */
static int check_text(
	struct bud_span url, const struct bud_target_options *options, struct bud_error *error)
{
	if (url.len == 0 || url.len > BUD_SINK_BYTES_MAX)
		return bud_error_set(error, NULL, "a URL has 1 to %u bytes", BUD_SINK_BYTES_MAX);
	for (size_t i = 0; i < url.len; i++) {
		unsigned char c = (unsigned char)url.at[i];
		if (c <= ' ' || c == 0x7f || c == '\\')
			return bud_error_set(error, NULL,
				"a URL has no spaces, control characters or backslashes");
		if (c > 0x7f)
			return bud_error_set(error, NULL,
				"a URL is ASCII: write a host name in its xn-- form and "
				"percent-encode the rest");
		if (c == '#')
			return bud_error_set(error, NULL, "a URL to send to has no #fragment");
	}
	size_t start = 0;
	if (bud_span_starts_nocase(url, "https://"))
		start = 8;
	else if (options->allow_http && bud_span_starts_nocase(url, "http://"))
		start = 7;
	else
		return bud_error_set(error, NULL, "the URL must begin with https://%s",
			options->allow_http ? " or http://" : " (http:// is not allowed here)");
	for (size_t i = start; i < url.len && url.at[i] != '/' && url.at[i] != '?'; i++) {
		if (url.at[i] == '@')
			return bud_error_set(error, NULL, "a URL has no user name or password");
		if (url.at[i] == '%')
			return bud_error_set(error, NULL, "a host name has no percent sign");
	}
	if (start == url.len || url.at[start] == '/' || url.at[start] == '?')
		return bud_error_set(error, NULL, "the URL has no host");
	return 0;
}

/* Every label 1 to 63 letters, digits and hyphens. A last label that is a number is an address to
 * some resolvers; real ones were turned into their usual form by the parser. */
static bool is_name_fit(const char *host)
{
	size_t len = strlen(host);
	if (len == 0 || len > 253)
		return false;
	const char *label = host;
	for (;;) {
		size_t n = strcspn(label, ".");
		if (n == 0 || n > 63 || label[0] == '-' || label[n - 1] == '-')
			return false;
		if (strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-") < n)
			return false;
		if (label[n] == '\0') {
			bool is_hex = n > 1 && label[0] == '0' && label[1] == 'x' &&
				      strspn(label + 2, "0123456789abcdef") == n - 2;
			return !is_hex && strspn(label, "0123456789") < n;
		}
		label += n + 1;
	}
}

static bool read_literal(const char *host, struct sockaddr_storage *out_address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out_address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out_address;
	char text[INET6_ADDRSTRLEN + 1] = "";
	size_t len = strlen(host);
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		return true;
	}
	if (host[0] != '[' || host[len - 1] != ']' || len - 2 >= sizeof(text))
		return false;
	memcpy(text, host + 1, len - 2);
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	return true;
}

static char *part(CURLU *url, CURLUPart what, unsigned flags)
{
	char *text = NULL;
	return curl_url_get(url, what, &text, flags) == CURLUE_OK ? text : NULL;
}

static CURLU *read_url(const char *text)
{
	CURLU *url = curl_url();
	assert(url);
	if (curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS) ==
		CURLUE_OK)
		return url;
	curl_url_cleanup(url);
	return NULL;
}

/* Lower case and without the dot that ends an absolute name; 127.0.0.1. becomes an address only
 * when it is read again without it. */
static int settle_host(struct bud_target *target, struct bud_error *error)
{
	char *host = part(target->url, CURLUPART_HOST, 0);
	size_t len = host ? strlen(host) : 0;
	for (size_t i = 0; i < len; i++)
		if (host[i] >= 'A' && host[i] <= 'Z')
			host[i] += 'a' - 'A';
	if (len > 1 && host[len - 1] == '.')
		host[len - 1] = '\0';
	if (host && curl_url_set(target->url, CURLUPART_HOST, host, 0) == CURLUE_OK) {
		char *text = part(target->url, CURLUPART_URL, 0);
		curl_url_cleanup(target->url);
		target->url = text ? read_url(text) : NULL;
		curl_free(text);
	} else {
		curl_url_cleanup(bud_move(target->url));
	}
	curl_free(host);
	host = target->url ? part(target->url, CURLUPART_HOST, 0) : NULL;
	char *text = target->url ? part(target->url, CURLUPART_URL, 0) : NULL;
	target->host = host ? bud_strdup(host) : NULL;
	target->text = text ? bud_strdup(text) : NULL;
	curl_free(host);
	curl_free(text);
	if (!target->host || !target->text)
		return bud_error_set(error, NULL, "the URL's host cannot be read");
	target->is_literal = read_literal(target->host, &target->literal);
	if (!target->is_literal && !is_name_fit(target->host))
		return bud_error_set(error, NULL,
			"the URL's host is neither a DNS name nor an "
			"IP address");
	return 0;
}

static int check_port(struct bud_target *target, struct bud_error *error)
{
	char *port = part(target->url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	unsigned long number = port ? strtoul(port, NULL, 10) : 0;
	curl_free(port);
	if (!is_port_allowed(number))
		return bud_error_set(error, NULL,
			"port %lu is not allowed: use 80, 443 or one from 1024 on that no other "
			"service is known for",
			number);
	target->port = (uint16_t)number;
	if (target->literal.ss_family == AF_INET)
		((struct sockaddr_in *)&target->literal)->sin_port = htons(target->port);
	else if (target->literal.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&target->literal)->sin6_port = htons(target->port);
	return 0;
}

/* FNV-1a of the URL without its query: one host with many endpoints is spread, too. */
static unsigned hash_text(const char *text)
{
	unsigned hash = 2166136261u;
	for (; *text && *text != '?'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

static int fill(struct bud_target *target, struct bud_span url,
	const struct bud_target_options *options, struct bud_error *error)
{
	int r = check_text(url, options, error);
	if (r < 0)
		return r;
	char *text = bud_strndup(url.at, url.len);
	target->url = read_url(text);
	free(text);
	if (!target->url)
		return bud_error_set(error, NULL, "not a valid absolute URL");
	r = settle_host(target, error);
	if (r == 0)
		r = check_port(target, error);
	if (r < 0)
		return r;
	target->is_http = strncmp(target->text, "http://", 7) == 0;
	target->head_bytes = strlen(target->text);
	target->spread = hash_text(target->text);
	return 0;
}

static int check_certificates(
	struct bud_span pem, const char *member, int64_t *in_out_expires_s, struct bud_error *error)
{
	int64_t expires_s = 0;
	if (pem.len == 0)
		return 0;
	int r = bud_pem_check_certificates(pem, member, &expires_s, error);
	if (r == 0 && expires_s < *in_out_expires_s)
		*in_out_expires_s = expires_s;
	return r;
}

int bud_target_tls_check(
	const struct bud_target_options *options, int64_t *out_expires_s, struct bud_error *error)
{
	int64_t expires_s = INT64_MAX;
	if (options->key_pem.len > 0 && options->certificate_pem.len == 0)
		return bud_error_set(error, "certificate_pem",
			"a private key needs the certificate it belongs to");
	if (options->certificate_pem.len > 0 && options->key_pem.len == 0)
		return bud_error_set(
			error, "key_pem", "a client certificate needs its private key");
	int r = check_certificates(options->ca_pem, "ca_pem", &expires_s, error);
	if (r == 0)
		r = check_certificates(
			options->certificate_pem, "certificate_pem", &expires_s, error);
	if (r == 0 && options->key_pem.len > 0)
		r = bud_pem_check_key(options->key_pem, options->certificate_pem, "key_pem", error);
	if (r == 0 && out_expires_s && expires_s < INT64_MAX)
		*out_expires_s = expires_s;
	return r;
}

static void copy_pem(struct curl_blob *blob, struct bud_span pem)
{
	if (pem.len == 0)
		return;
	blob->data = bud_strndup(pem.at, pem.len);
	blob->len = pem.len;
	blob->flags = CURL_BLOB_NOCOPY;
}

static void drop_pem(struct curl_blob *blob)
{
	if (blob->data)
		explicit_bzero(blob->data, blob->len);
	free(blob->data);
}

struct bud_target *bud_target_create(
	struct bud_span url, const struct bud_target_options *options, struct bud_error *error)
{
	struct bud_target *target = bud_new(struct bud_target);
	target->refs = 1;
	if (fill(target, url, options, error) == 0 &&
		bud_target_tls_check(options, NULL, error) == 0) {
		copy_pem(&target->ca, options->ca_pem);
		copy_pem(&target->certificate, options->certificate_pem);
		copy_pem(&target->key, options->key_pem);
		return target;
	}
	bud_target_unref(target);
	return NULL;
}

struct bud_target *bud_target_ref(struct bud_target *target)
{
	target->refs++;
	return target;
}

void bud_target_unref(struct bud_target *target)
{
	if (!target || --target->refs > 0)
		return;
	curl_url_cleanup(target->url);
	curl_slist_free_all(target->headers);
	drop_pem(&target->ca);
	drop_pem(&target->certificate);
	drop_pem(&target->key);
	free(target->host);
	free(target->text);
	free(target);
}

int bud_url_check(
	struct bud_span url, const struct bud_target_options *options, struct bud_error *error)
{
	struct bud_target *target = bud_target_create(url, options, error);
	if (!target)
		return -EINVAL;
	struct sockaddr_in loopback = {.sin_family = AF_INET,
		.sin_port = htons(target->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr *address = NULL;
	if (target->is_literal)
		address = (const struct sockaddr *)&target->literal;
	else if (bud_name_is_localhost(target->host))
		address = (const struct sockaddr *)&loopback;
	int r = 0;
	if (address && !bud_address_is_allowed(address, options->networks, options->nat64))
		r = bud_error_set(error, NULL,
			"the URL's address is not allowed: it is not a "
			"public one and no setting opens its network");
	else if (address && options->own_ports &&
		 bud_guard_is_own(options->own_ports, options->nat64, address))
		r = bud_error_set(error, NULL,
			"the URL leads back to this server: no event may come in again by itself");
	bud_target_unref(target);
	return r;
}

bool bud_header_line_is_valid(const char *line)
{
	size_t name = strspn(line, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz");
	if (name == 0 || line[name] != ':')
		return false;
	const char *value = line + name + 1;
	for (const char *c = value; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || (unsigned char)*c >= 0x7f)
			return false;
	/* libcurl reads a name without a value as an order to drop a field of its own. */
	return value[strspn(value, " \t")] != '\0';
}

bool bud_header_line_is_type(const char *line)
{
	return bud_span_starts_nocase(bud_span(line), "content-type:");
}

int bud_target_header_add(struct bud_target *target, const char *line)
{
	assert(!target->is_used);
	if (!bud_header_line_is_valid(line))
		return -EINVAL;
	struct curl_slist *list = curl_slist_append(target->headers, line);
	assert(list);
	target->headers = list;
	target->head_bytes += strlen(line);
	target->has_type = target->has_type || bud_header_line_is_type(line);
	return 0;
}

bool bud_target_is_quoted(const struct bud_target *target, struct bud_span text)
{
	for (const struct curl_slist *line = target->headers; line; line = line->next) {
		const char *blank = strrchr(line->data, ' ');
		struct bud_span value = bud_span(blank ? blank + 1 : line->data);
		if (!bud_span_starts_nocase(bud_span(line->data), "authorization:") ||
			value.len < QUOTED_MIN)
			continue;
		if (value.len > QUOTED_MAX)
			value.len = QUOTED_MAX;
		if (text.len > 0 && memmem(text.at, text.len, value.at, value.len))
			return true;
	}
	return false;
}

const char *bud_target_host(const struct bud_target *target)
{
	return target->host;
}

const char *bud_target_url(const struct bud_target *target)
{
	return target->text;
}

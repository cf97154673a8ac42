/* Checks before a subscription is stored. */
#include "api/subscription_check.h"

#include "config/config.h"
#include "fetch/target.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

static int check_url(const char *member, const char *url, const struct bud_target_options *options,
	struct bud_error *error)
{
	struct bud_error fault = {0};

	if (!url || bud_url_check(bud_span(url), options, &fault) == 0)
		return 0;
	return bud_error_set(error, member, "%s: %s", member, fault.text);
}

static int check_tokens(const struct bud_subscription *subscription,
	const struct bud_target_options *options, struct bud_error *error)
{
	const struct bud_credential *credential = &subscription->config->credential;

	return check_url(credential->type == BUD_CREDENTIAL_REFRESHTOKEN
				 ? "sinkcredential.refreshtokenendpoint"
				 : "sinkcredential.tokenendpoint",
		credential->endpoint, options, error);
}

static struct bud_span span_of(const char *text)
{
	return text ? bud_span(text) : (struct bud_span){NULL, 0};
}

static const char *tls_member(const char *part)
{
	if (bud_span_is(bud_span(part), "ca_pem"))
		return "config.tls.ca";
	if (bud_span_is(bud_span(part), "key_pem"))
		return "config.tls.key";
	return "config.tls.certificate";
}

static int check_tls(const struct bud_subscription *subscription, struct bud_error *error)
{
	const struct bud_push_config *wishes = subscription->config;
	struct bud_target_options options = {
		.ca_pem = span_of(wishes->ca_pem),
		.certificate_pem = span_of(wishes->certificate_pem),
		.key_pem = span_of(wishes->key_pem),
	};
	struct bud_error fault = {0};
	const char *member;

	if (bud_target_tls_check(&options, NULL, &fault) == 0)
		return 0;
	member = tls_member(fault.member);
	return bud_error_set(error, member, "%s: %s", member, fault.text);
}

int bud_subscription_check(const struct bud_subscription *subscription,
	const struct bud_config *config, const uint16_t *own_ports, struct bud_error *error)
{
	struct bud_target_options options = {.allow_http = config->delivery.allow_http,
		.networks = &config->delivery.allow_networks,
		.nat64 = &config->delivery.nat64_prefix,
		.own_ports = own_ports};
	int r = check_url("sink", subscription->sink, &options, error);

	if (r == 0)
		r = check_tokens(subscription, &options, error);
	if (r == 0)
		r = check_tls(subscription, error);
	return r;
}

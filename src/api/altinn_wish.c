/* Wishes (facts: POST /subscriptions of Altinn Events, its validation order and messages). */
#include "api/altinn_wish.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#include "api/altinn_urn.h"
#include "core/limits.h"
#include "event/uri.h"
#include "subscription/altinn_filters.h"
#include "subscription/body.h"

#define APP_RESOURCE "urn:altinn:resource:app_"

static int read_text(
	const json_t *value, const char *name, char **out_text, struct bud_error *error)
{
	if (json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return bud_error_set(error, name, "%s must be a text", name);
	if (json_string_length(value) > BUD_FILTER_TEXT_MAX)
		return bud_error_set(
			error, name, "%s is longer than %u bytes", name, BUD_FILTER_TEXT_MAX);
	free(*out_text);
	*out_text = bud_strdup(json_string_value(value));
	return 0;
}

static int read_member(struct bud_altinn_wish *wish, const char *name, const json_t *value,
	struct bud_error *error)
{
	struct {
		const char *name;
		char **text;
	} texts[] = {
		{"endPoint", &wish->end_point},
		{"sourceFilter", &wish->source},
		{"subjectFilter", &wish->subject},
		{"alternativeSubjectFilter", &wish->alternative_subject},
		{"resourceFilter", &wish->resource},
		{"typeFilter", &wish->type},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcasecmp(texts[i].name, name) == 0)
			return read_text(value, texts[i].name, texts[i].text, error);
	if (strcasecmp(name, "includeSubunits") != 0 || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return bud_error_set(
			error, "includeSubunits", "includeSubunits must be true or false");
	wish->includes_subunits = json_is_true(value);
	return 0;
}

int bud_altinn_wish_parse(
	struct bud_altinn_wish *wish, struct bud_span json, struct bud_error *error)
{
	json_auto_t *root = NULL;
	const char *name;
	json_t *value;
	int r = bud_body_parse(json, &root, error);

	if (r < 0)
		return r;
	json_object_foreach(root, name, value)
	{
		r = read_member(wish, name, value, error);
		if (r < 0)
			return r;
	}
	return 0;
}

void bud_altinn_wish_finish(struct bud_altinn_wish *wish)
{
	free(wish->end_point);
	free(wish->source);
	free(wish->subject);
	free(wish->alternative_subject);
	free(wish->resource);
	free(wish->type);
	*wish = (struct bud_altinn_wish){0};
}

static bool is_empty(const char *text)
{
	return !text || text[0] == '\0';
}

/* The host of a URL of http or https, without its port. */
static struct bud_span host_of(const char *url)
{
	struct bud_span rest = bud_span(url);

	(void)bud_span_take_until(&rest, ':');
	rest.at += 2;
	rest.len -= 2;
	rest.len = strcspn(rest.at, "/?#");
	return bud_span_take_until(&rest, ':');
}

static bool is_url(const char *text, bool allow_http)
{
	struct bud_span span = bud_span(text ? text : "");

	return bud_uri_is_absolute(span) &&
	       (bud_span_starts_nocase(span, "https://") ||
		       (allow_http && bud_span_starts_nocase(span, "http://"))) &&
	       host_of(text).len > 0;
}

static bool is_below(struct bud_span host, const char *domain)
{
	size_t len = strlen(domain);

	return len > 0 && host.len >= len &&
	       strncasecmp(host.at + host.len - len, domain, len) == 0 &&
	       (host.len == len || host.at[host.len - len - 1] == '.');
}

bool bud_altinn_wish_is_app(const struct bud_altinn_wish *wish, const char *apps_domain)
{
	if (wish->resource && bud_span_starts_nocase(bud_span(wish->resource), APP_RESOURCE))
		return true;
	return is_url(wish->source, false) && is_below(host_of(wish->source), apps_domain);
}

int bud_altinn_wish_check(const struct bud_altinn_wish *wish, const struct bud_altinn_rules *rules,
	struct bud_error *error)
{
	if (!is_url(wish->end_point, rules->allow_http))
		return bud_error_set(
			error, NULL, "Missing or invalid endpoint to push events towards");
	if (wish->source && !is_url(wish->source, false))
		return bud_error_set(
			error, NULL, "SourceFilter must be an absolute URL with the https scheme.");
	if (!bud_altinn_wish_is_app(wish, rules->apps_domain) && !rules->has_scope)
		return -EACCES;
	if (!is_empty(wish->resource) && !bud_altinn_urn_is_valid(bud_span(wish->resource)))
		return bud_error_set(error, NULL, "Resource filter must be a valid urn");
	return 0;
}

/* "/{org}/{app}" of a source, as "{org}_{app}"; false when it is anything else. */
static bool read_app(const char *source, struct bud_buffer *out)
{
	struct bud_span host = host_of(source);
	struct bud_span path = bud_span(host.at + strcspn(host.at, "/?#"));
	struct bud_span org;

	if (path.len == 0 || path.at[0] != '/' || bud_uri_has_dots(path))
		return false;
	(void)bud_span_take_until(&path, '/');
	org = bud_span_take_until(&path, '/');
	if (org.len == 0 || path.len == 0 || strcspn(path.at, "/?#") < path.len)
		return false;
	bud_buffer_format(out, "%.*s_%.*s", (int)org.len, org.at, (int)path.len, path.at);
	return true;
}

static int complete_app(
	struct bud_altinn_wish *wish, const struct bud_altinn_rules *rules, struct bud_error *error)
{
	bud_auto(buffer) struct bud_buffer resource = {0};

	if (is_empty(wish->subject) && (!rules->is_org || !is_empty(wish->alternative_subject)))
		return bud_error_set(
			error, NULL, "A valid subject to the authenticated identity is required");
	if (wish->includes_subunits && is_empty(wish->subject))
		return bud_error_set(error, NULL, "IncludeSubunits requires a subject filter.");
	if (!wish->source)
		return 0;
	bud_buffer_text(&resource, APP_RESOURCE);
	if (!read_app(wish->source, &resource))
		return bud_error_set(error, NULL,
			"A valid app id is required in source filter {environment}/{org}/{app}");
	if (is_empty(wish->resource)) {
		free(wish->resource);
		wish->resource = bud_move(resource.at);
		resource = (struct bud_buffer){0};
	} else if (strcasecmp(wish->resource, resource.at) != 0) {
		return bud_error_set(error, NULL,
			"Provided resource filter and source filter are not compatible");
	}
	return 0;
}

static int complete_generic(const struct bud_altinn_wish *wish, struct bud_error *error)
{
	if (is_empty(wish->resource))
		return bud_error_set(error, NULL, "Resource filter is required.");
	if (wish->source)
		return bud_error_set(error, NULL,
			"Source filter is not supported for subscriptions on this resource.");
	if (!is_empty(wish->alternative_subject))
		return bud_error_set(error, NULL,
			"AlternativeSubject filter is not supported for subscriptions on this "
			"resource.");
	if (wish->includes_subunits && is_empty(wish->subject))
		return bud_error_set(error, NULL, "IncludeSubunits requires a subject filter.");
	return 0;
}

/* Altinn stores an empty filter, which then never matches, and says nothing. */
static int check_empty(const struct bud_altinn_wish *wish, struct bud_error *error)
{
	if (wish->type && is_empty(wish->type))
		return bud_error_set(error, NULL,
			"TypeFilter must not be empty: leave it out to get events of every type.");
	if (wish->subject && is_empty(wish->subject))
		return bud_error_set(error, NULL,
			"SubjectFilter must not be empty: leave it out to get events about every "
			"subject.");
	return 0;
}

int bud_altinn_wish_complete(
	struct bud_altinn_wish *wish, const struct bud_altinn_rules *rules, struct bud_error *error)
{
	int r = bud_altinn_wish_is_app(wish, rules->apps_domain) ? complete_app(wish, rules, error)
								 : complete_generic(wish, error);

	if (r == 0)
		r = check_empty(wish, error);
	for (char *at = wish->resource; r == 0 && at && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at += 'a' - 'A';
	return r;
}

static bool is_slack(const char *end_point)
{
	return strstr(end_point, "hooks.slack.com") != NULL;
}

void bud_altinn_wish_write(const struct bud_altinn_wish *wish, struct bud_buffer *out)
{
	const struct bud_altinn_filters filters = {
		.resource = wish->resource,
		.type = wish->type,
		.subject = wish->subject,
		.source = wish->source,
		.includes_subunits = wish->includes_subunits,
	};

	bud_buffer_text(out, "{\"protocol\":\"HTTP\",\"sink\":");
	bud_buffer_json(out, bud_span(wish->end_point));
	bud_buffer_text(out, ",\"filters\":");
	bud_altinn_filters_write(&filters, out);
	bud_buffer_format(out,
		",\"config\":{\"mode\":\"%s\",\"verify\":\"altinn\","
		"\"retry\":{\"schedule\":\"altinn\"}}}",
		is_slack(wish->end_point) ? "slack" : "altinn");
}

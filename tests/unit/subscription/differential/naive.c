/* A second opinion. Every test is evaluated, also where the outcome is known already, so that the
 * counts say what was asked. */
#include "naive.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "naive_sql.h"

const char *const naive_names[NAIVE_OPERATORS] = {"exact", "prefix", "suffix", "all", "any", "not",
	"altinn", "altinn.resource", "altinn.type", "altinn.subject", "altinn.unit",
	"altinn.unit by main subject", "altinn.unit, main subject unknown", "altinn.source", "sql",
	"missing attribute", "types", "source", "expires", "notices", "filters"};

struct asked {
	const struct naive_event *event;
	struct naive_counts *counts;
};

static bool count(const struct asked *asked, enum naive_operator what, bool holds)
{
	if (holds)
		asked->counts->held[what]++;
	else
		asked->counts->failed[what]++;
	return holds;
}

static const char *attribute(const struct asked *asked, const char *name)
{
	return json_string_value(json_object_get(asked->event->attributes, name));
}

/* exact, prefix, suffix: an object of which every pair must hold. */

static bool ends_with(const char *text, const char *suffix)
{
	size_t len = strlen(text);
	size_t end = strlen(suffix);

	return len >= end && strcmp(text + len - end, suffix) == 0;
}

static bool pair_holds(
	const struct asked *asked, enum naive_operator what, const char *name, const char *wanted)
{
	const char *have = attribute(asked, name);

	if (!have)
		return count(asked, NAIVE_MISSING, false);
	if (what == NAIVE_EXACT)
		return count(asked, what, strcmp(have, wanted) == 0);
	if (what == NAIVE_PREFIX)
		return count(asked, what, strncmp(have, wanted, strlen(wanted)) == 0);
	return count(asked, what, ends_with(have, wanted));
}

static bool pairs_hold(const struct asked *asked, enum naive_operator what, const json_t *pairs)
{
	bool all = true;
	const char *name;
	json_t *wanted;

	json_object_foreach((json_t *)pairs, name, wanted)
	{
		if (!pair_holds(asked, what, name, json_string_value(wanted)))
			all = false;
	}
	return all;
}

/* altinn.source: the same place, and a path that lies under the folder of the base's path. */

struct place {
	char scheme[16];
	char host[64]; /* with the port, unless it is the scheme's own */
	char path[512];
};

static bool read_place(const char *text, struct place *out)
{
	const char *behind = strstr(text, "://");
	const char *path, *end, *at;
	size_t len;

	if (!behind || strcspn(text, ":/?#") != (size_t)(behind - text))
		return false;
	snprintf(out->scheme, sizeof(out->scheme), "%.*s", (int)(behind - text), text);
	behind += 3;
	path = behind + strcspn(behind, "/?#");
	for (at = behind; at < path; at++)
		if (*at == '@')
			behind = at + 1;
	snprintf(out->host, sizeof(out->host), "%.*s", (int)(path - behind), behind);
	end = path + strcspn(path, "?#");
	snprintf(out->path, sizeof(out->path), "%.*s", (int)(end - path), path);
	len = strlen(out->host);
	if (strcasecmp(out->scheme, "https") == 0 && ends_with(out->host, ":443"))
		out->host[len - 4] = '\0';
	if (strcasecmp(out->scheme, "http") == 0 && ends_with(out->host, ":80"))
		out->host[len - 3] = '\0';
	if (ends_with(out->host, ":")) /* an empty port is the scheme's own, too */
		out->host[len - 1] = '\0';
	return out->host[0] != '\0';
}

static bool is_base(const char *base, const char *text)
{
	struct place from, to;
	char *slash;

	if (!read_place(base, &from) || !read_place(text, &to))
		return false;
	if (strcasecmp(from.scheme, to.scheme) != 0 || strcasecmp(from.host, to.host) != 0)
		return false;
	slash = strrchr(from.path, '/');
	if (!slash || slash == from.path)
		return true;
	return strncmp(from.path, to.path, (size_t)(slash - from.path) + 1) == 0;
}

static bool unit_holds(const struct asked *asked, const char *have, const char *wanted)
{
	const char *main = asked->event->main_subject;

	if (asked->event->is_main_unknown)
		return count(asked, NAIVE_UNIT_UNKNOWN, true);
	if (main && count(asked, NAIVE_UNIT_MAIN, strcmp(main, wanted) == 0))
		return true;
	return count(asked, NAIVE_UNIT, strcmp(have, wanted) == 0);
}

static bool altinn_member_holds(const struct asked *asked, const char *member, const char *wanted)
{
	bool is_unit = strcmp(member, "unit") == 0;
	const char *have = attribute(asked, is_unit ? "subject" : member);

	if (!have)
		return count(asked, NAIVE_MISSING, false);
	if (is_unit)
		return unit_holds(asked, have, wanted);
	if (strcmp(member, "source") == 0)
		return count(asked, NAIVE_SOURCE, is_base(wanted, have));
	if (strcmp(member, "resource") == 0)
		return count(asked, NAIVE_RESOURCE, strcmp(have, wanted) == 0);
	if (strcmp(member, "type") == 0)
		return count(asked, NAIVE_TYPE, strcmp(have, wanted) == 0);
	return count(asked, NAIVE_SUBJECT, strcmp(have, wanted) == 0);
}

static bool altinn_holds(const struct asked *asked, const json_t *members)
{
	bool all = true;
	const char *member;
	json_t *wanted;

	json_object_foreach((json_t *)members, member, wanted)
	{
		if (!altinn_member_holds(asked, member, json_string_value(wanted)))
			all = false;
	}
	return count(asked, NAIVE_ALTINN, all);
}

/* all, any, not. The tree is a few levels deep. */

static bool filter_holds(const struct asked *asked, const json_t *filter);

static size_t how_many_hold(const struct asked *asked, const json_t *filters)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(filters); i++)
		n += filter_holds(asked, json_array_get(filters, i));
	return n;
}

static bool sql_passes(const struct asked *asked, const char *text)
{
	enum naive_sql_error error;
	bool passes = naive_sql_passes(text, asked->event, asked->counts->sql_operators, &error);

	asked->counts->sql_errors[error]++;
	return count(asked, NAIVE_SQL, passes);
}

static bool filter_holds(const struct asked *asked, const json_t *filter)
{
	void *only = json_object_iter((json_t *)filter);
	const char *dialect = json_object_iter_key(only);
	const json_t *content = json_object_iter_value(only);

	if (strcmp(dialect, "exact") == 0)
		return pairs_hold(asked, NAIVE_EXACT, content);
	if (strcmp(dialect, "prefix") == 0)
		return pairs_hold(asked, NAIVE_PREFIX, content);
	if (strcmp(dialect, "suffix") == 0)
		return pairs_hold(asked, NAIVE_SUFFIX, content);
	if (strcmp(dialect, "altinn") == 0)
		return altinn_holds(asked, content);
	if (strcmp(dialect, "sql") == 0)
		return sql_passes(asked, json_string_value(content));
	if (strcmp(dialect, "not") == 0)
		return count(asked, NAIVE_NOT, !filter_holds(asked, content));
	if (strcmp(dialect, "any") == 0)
		return count(asked, NAIVE_ANY, how_many_hold(asked, content) > 0);
	if (strcmp(dialect, "all") == 0)
		return count(asked, NAIVE_ALL,
			how_many_hold(asked, content) == json_array_size(content));
	abort();
}

/* The subscription. */

static bool is_of_types(const struct asked *asked, const json_t *types)
{
	const char *type = attribute(asked, "type");
	size_t i = 0;

	if (!types)
		return true;
	while (i < json_array_size(types) &&
		strcmp(json_string_value(json_array_get(types, i)), type) != 0)
		i++;
	return count(asked, NAIVE_OF_TYPES, i < json_array_size(types));
}

static bool is_of_source(const struct asked *asked, const json_t *source)
{
	if (!source)
		return true;
	return count(asked, NAIVE_OF_SOURCE,
		strcmp(json_string_value(source), attribute(asked, "source")) == 0);
}

/* The tests know one time of expiry only. */
static bool is_in_time(const struct asked *asked, const json_t *expires, int64_t now_ms)
{
	if (!expires)
		return true;
	if (strcmp(json_string_value(expires), "2030-01-01T00:00:00Z") != 0)
		abort();
	return count(asked, NAIVE_OF_EXPIRES, now_ms < 1893456000000);
}

/* Our own events are for those who name types, or whose filters name one of ours. */
static bool may_have_notice(const struct asked *asked, const json_t *subscription)
{
	const json_t *filters = json_object_get(subscription, "filters");
	char *text;
	bool names;

	if (strncmp(attribute(asked, "type"), "no.budstikke.", 13) != 0)
		return true;
	text = json_dumps(filters, JSON_ENCODE_ANY);
	names = json_object_get(subscription, "types") || (text && strstr(text, "no.budstikke"));
	free(text);
	return count(asked, NAIVE_OF_NOTICES, names);
}

bool naive_matches(const json_t *subscription, const struct naive_event *event, int64_t now_ms,
	struct naive_counts *counts)
{
	struct asked asked = {event, counts};
	const json_t *filters = json_object_get(subscription, "filters");
	bool holds = is_of_types(&asked, json_object_get(subscription, "types"));

	holds &= is_of_source(&asked, json_object_get(subscription, "source"));
	holds &= is_in_time(&asked, json_object_get(subscription, "expires"), now_ms);
	holds &= may_have_notice(&asked, subscription);
	if (!filters)
		return holds;
	return count(&asked, NAIVE_OF_FILTERS,
		       how_many_hold(&asked, filters) == json_array_size(filters)) &&
	       holds;
}

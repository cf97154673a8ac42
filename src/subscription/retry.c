/* Retry wishes. A schedule is a list of waits, each after a failed attempt: n waits are n + 1
 * attempts. */
#include "subscription/retry.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/limits.h"
#include "subscription/body.h"
#include "subscription/push_config.h"

#define PATH           "config.retry"
#define STEP_S_MAX     604800
#define MAX_AGE_S_MAX  7776000
#define JITTER_MAX     0.5
#define JITTER_DEFAULT 20 /* percent */
#define STATUS_MIN     200
#define STATUS_MAX     599
#define DELIVERED_MAX  499

struct named {
	const char *name;
	size_t n;
	uint32_t steps_s[11];
};

/* As the Altinn Events push has it: 12 attempts within 34:46:40. And the example of Standard
 * Webhooks: 10 within 75:35:05. */
static const struct named schedules[] = {
	{"altinn", 11, {10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200, 43200}},
	{"standard-webhooks", 9, {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400}},
};

#define SCHEDULES "\"default\", \"altinn\", \"standard-webhooks\""

static const char *const actions[] = {"delivered", "again", "dead", "disable", NULL};

static int read_name(const char *name, struct bud_retry *retry, struct bud_error *error)
{
	if (strcmp(name, "default") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(schedules) / sizeof(*schedules); i++) {
		const struct named *named = &schedules[i];
		if (strcmp(named->name, name) != 0)
			continue;
		retry->name = named->name;
		retry->is_given = true;
		retry->steps_n = named->n;
		memcpy(retry->steps_s, named->steps_s, sizeof(named->steps_s));
		return 0;
	}
	return bud_error_set(error, PATH ".schedule",
		PATH ".schedule is no known schedule: a list of seconds, or one of " SCHEDULES);
}

static int read_schedule(const json_t *value, struct bud_retry *retry, struct bud_error *error)
{
	size_t n = json_array_size(value);

	if (!value || json_is_null(value))
		return 0;
	if (json_is_string(value))
		return read_name(json_string_value(value), retry, error);
	if (!json_is_array(value) || n > BUD_ATTEMPTS_MAX)
		return bud_error_set(error, PATH ".schedule",
			PATH ".schedule must be an array of 0 to %u waits in seconds, or one "
			     "of " SCHEDULES,
			BUD_ATTEMPTS_MAX);
	for (size_t i = 0; i < n; i++) {
		char path[40];
		struct bud_body_integer rule = {path, 1, STEP_S_MAX};
		const json_t *step = json_array_get(value, i);
		int64_t seconds = 0;
		int r;

		snprintf(path, sizeof(path), PATH ".schedule[%zu]", i);
		r = bud_body_integer(step, &rule, &seconds, error);
		if (r < 0)
			return r;
		if (json_is_null(step))
			return bud_error_set(error, path, "%s must not be null", path);
		retry->steps_s[i] = (uint32_t)seconds;
	}
	retry->steps_n = n;
	retry->is_given = true;
	return 0;
}

/* "404", "4xx" or "500-503". */
static bool read_statuses(const char *key, struct bud_retry_rule *rule)
{
	struct bud_span rest = bud_span(key);
	struct bud_span first = bud_span_take_until(&rest, '-');
	struct bud_span last = strchr(key, '-') ? rest : first;
	uint64_t from;
	uint64_t to;

	if (strlen(key) == 3 && key[0] >= '2' && key[0] <= '5' && strcmp(key + 1, "xx") == 0) {
		rule->first = (uint16_t)(100 * (key[0] - '0'));
		rule->last = (uint16_t)(rule->first + 99);
		return true;
	}
	if (first.len != 3 || last.len != 3 || !bud_span_number(first, STATUS_MAX, &from) ||
		!bud_span_number(last, STATUS_MAX, &to) || from < STATUS_MIN || to < from)
		return false;
	rule->first = (uint16_t)from;
	rule->last = (uint16_t)to;
	return true;
}

static int read_rule(
	const char *key, const json_t *value, struct bud_retry_rule *rule, struct bud_error *error)
{
	char path[BUD_ERROR_MEMBER_MAX];
	size_t action = 0;
	int r;

	snprintf(path, sizeof(path), PATH ".statuses.%s", key);
	if (!read_statuses(key, rule))
		return bud_error_set(error, path,
			"%s: the name must be a status such as \"404\", a class such as \"4xx\" or "
			"a range such as \"500-503\", of %d to %d",
			path, STATUS_MIN, STATUS_MAX);
	r = bud_body_word(value, path, actions, &action, error);
	if (r < 0)
		return r;
	if (json_is_null(value))
		return bud_error_set(error, path, "%s must not be null", path);
	rule->action = BUD_RETRY_DELIVERED + (enum bud_retry_action)action;
	if (rule->action == BUD_RETRY_DELIVERED && rule->last > DELIVERED_MAX)
		return bud_error_set(error, path,
			"%s: only statuses up to %d can mean \"delivered\"", path, DELIVERED_MAX);
	return 0;
}

static int by_width(const void *a, const void *b)
{
	const struct bud_retry_rule *left = a;
	const struct bud_retry_rule *right = b;
	int width = (left->last - left->first) - (right->last - right->first);

	return width != 0 ? width : left->first - right->first;
}

static int read_rules(const json_t *value, struct bud_retry *retry, struct bud_error *error)
{
	const char *key;
	json_t *action;

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_object(value) || json_object_size(value) > BUD_RETRY_RULES_MAX)
		return bud_error_set(error, PATH ".statuses",
			PATH ".statuses must be an object of at most %d members",
			BUD_RETRY_RULES_MAX);
	json_object_foreach((json_t *)value, key, action)
	{
		int r = read_rule(key, action, &retry->rules[retry->rules_n], error);
		if (r < 0)
			return r;
		retry->rules_n++;
	}
	qsort(retry->rules, retry->rules_n, sizeof(*retry->rules), by_width);
	for (size_t i = 1; i < retry->rules_n; i++)
		if (by_width(&retry->rules[i - 1], &retry->rules[i]) == 0)
			return bud_error_set(error, PATH ".statuses",
				PATH ".statuses has %d-%d twice", retry->rules[i].first,
				retry->rules[i].last);
	return 0;
}

static int read_jitter(const json_t *value, struct bud_retry *retry, struct bud_error *error)
{
	static const struct bud_body_number rule = {PATH ".jitter", 0, JITTER_MAX};
	double jitter = -1;
	int r = bud_body_number(value, &rule, &jitter, error);

	if (r < 0 || jitter < 0)
		return r;
	retry->jitter_percent = (int)(jitter * 100 + 0.5);
	if (retry->jitter_percent == JITTER_DEFAULT)
		retry->jitter_percent = -1;
	return 0;
}

int bud_retry_parse(const struct json_t *json, struct bud_retry *retry, struct bud_error *error)
{
	static const char *const known[] = {"schedule", "max_age_s", "jitter", "statuses", NULL};
	static const struct bud_body_integer age = {PATH ".max_age_s", 1, MAX_AGE_S_MAX};
	int r = bud_body_check(json, PATH, known, error);

	if (r == 0)
		r = read_schedule(json_object_get(json, "schedule"), retry, error);
	if (r == 0)
		r = bud_body_integer(
			json_object_get(json, "max_age_s"), &age, &retry->max_age_s, error);
	if (r == 0)
		r = read_jitter(json_object_get(json, "jitter"), retry, error);
	return r < 0 ? r : read_rules(json_object_get(json, "statuses"), retry, error);
}

static void write_schedule(const struct bud_retry *retry, struct bud_buffer *out)
{
	bud_buffer_text(out, "\"schedule\":");
	if (retry->name || !retry->is_given) {
		bud_buffer_format(out, "\"%s\"", retry->name ? retry->name : "default");
		return;
	}
	bud_buffer_byte(out, '[');
	for (size_t i = 0; i < retry->steps_n; i++)
		bud_buffer_format(out, "%s%" PRIu32, i ? "," : "", retry->steps_s[i]);
	bud_buffer_byte(out, ']');
}

static void write_rules(const struct bud_retry *retry, struct bud_buffer *out)
{
	bud_buffer_text(out, "\"statuses\":{");
	for (size_t i = 0; i < retry->rules_n; i++) {
		const struct bud_retry_rule *rule = &retry->rules[i];
		const char *comma = i ? "," : "";
		if (rule->first == rule->last)
			bud_buffer_format(out, "%s\"%d\"", comma, rule->first);
		else if (rule->first % 100 == 0 && rule->last == rule->first + 99)
			bud_buffer_format(out, "%s\"%dxx\"", comma, rule->first / 100);
		else
			bud_buffer_format(out, "%s\"%d-%d\"", comma, rule->first, rule->last);
		bud_buffer_format(out, ":\"%s\"", actions[rule->action - BUD_RETRY_DELIVERED]);
	}
	bud_buffer_byte(out, '}');
}

static void next(struct bud_buffer *out)
{
	if (out->at[out->len - 1] != '{')
		bud_buffer_byte(out, ',');
}

void bud_retry_write(const struct bud_retry *retry, bool is_whole, struct bud_buffer *out)
{
	int jitter = retry->jitter_percent < 0 ? JITTER_DEFAULT : retry->jitter_percent;

	bud_buffer_byte(out, '{');
	if (is_whole || retry->is_given)
		write_schedule(retry, out);
	if (retry->max_age_s > 0) {
		next(out);
		bud_buffer_format(out, "\"max_age_s\":%" PRId64, retry->max_age_s);
	}
	if (is_whole || retry->jitter_percent >= 0) {
		next(out);
		bud_buffer_format(out, "\"jitter\":%.2g", jitter / 100.0);
	}
	if (retry->rules_n > 0) {
		next(out);
		write_rules(retry, out);
	}
	bud_buffer_byte(out, '}');
}

/* Values: one parse and one write function per type, chosen in the table at the bottom. */
#include "config/value.h"

#include <assert.h>
#include <ctype.h>

#include "config/config.h"
#include "config/settings.h"

static_assert(sizeof(enum bud_log_level) == sizeof(unsigned) &&
		      sizeof(enum bud_log_format) == sizeof(unsigned) &&
		      sizeof(enum bud_verify_rule) == sizeof(unsigned),
	"choices are written through an unsigned");

#define MASK "***" /* also of what is refused with an @ in it: a password may stand before that */

static int refuse(const struct bud_setting *setting, struct bud_span text, struct bud_error *error)
{
	bud_auto(buffer) struct bud_buffer range = {0};

	bud_value_write_range(setting, &range);
	text = text.len > 0 && memchr(text.at, '@', text.len) ? bud_span(MASK) : text;
	return bud_error_set(error, NULL, "\"%.*s\" is not %s", (int)text.len, text.at, range.at);
}

/* Spaces at its ends and comment marks would not come back from a file as they were. */
static bool is_plain_text(struct bud_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		if (c < 0x20 || c == 0x7f)
			return false;
		if ((c == ';' || c == '#') && (i == 0 || text.at[i - 1] == ' '))
			return false;
	}
	return bud_utf8_is_valid(text.at, text.len);
}

static int parse_text(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	char *out = field;

	(void)setting;
	if (text.len == 0)
		return bud_error_set(error, NULL, "it must not be empty");
	if (text.len > BUD_CONFIG_TEXT_MAX)
		return bud_error_set(error, NULL, "it is %zu bytes, the most is %d", text.len,
			BUD_CONFIG_TEXT_MAX);
	if (!is_plain_text(text))
		return bud_error_set(error, NULL,
			"\"%.*s\" has control characters, or a space before # or ; "
			"(a comment after a "
			"value starts with ;)",
			(int)text.len, text.at);
	memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return 0;
}

static int parse_path(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	if (text.len > 0)
		return parse_text(setting, text, field, error);
	*(char *)field = '\0';
	return 0;
}

/* Errors never quote it. */
static int parse_secret(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	if (bud_span_is(text, MASK))
		return bud_error_set(error, NULL, "it is masked: put the real one in its place");
	if (text.len > BUD_CONFIG_TEXT_MAX || !is_plain_text(text))
		return bud_error_set(
			error, NULL, "it must be a text of up to %d bytes", BUD_CONFIG_TEXT_MAX);
	return parse_path(setting, text, field, error);
}

static int parse_name(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	char *out = field;

	if (text.len > 64)
		return refuse(setting, text, error);
	for (size_t i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.at[i]) && text.at[i] != '_' && text.at[i] != '-')
			return refuse(setting, text, error);
	memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return 0;
}

static bool is_host(struct bud_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.at[i]) && text.at[i] != '.' && text.at[i] != '-')
			return false;
	return text.len == 0 || (isalnum((unsigned char)text.at[0]) && text.len <= 253);
}

static int parse_host(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	char *out = field;

	if (text.len > BUD_CONFIG_TEXT_MAX || !is_host(text))
		return refuse(setting, text, error);
	memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return 0;
}

/* Paths are added to it, so it keeps no slash at its end. */
static int parse_base_url(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	static const char scheme[] = "https://";
	size_t len = sizeof(scheme) - 1;
	char *out = field;

	if (text.len > BUD_CONFIG_TEXT_MAX)
		return refuse(setting, text, error);
	while (text.len > len && text.at[text.len - 1] == '/')
		text.len--;
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] <= ' ' || text.at[i] > '~' || strchr("?#@\"\\", text.at[i]))
			return refuse(setting, text, error);
	if (text.len > 0 && (text.len <= len || memcmp(text.at, scheme, len) != 0 ||
				    !isalnum((unsigned char)text.at[len])))
		return refuse(setting, text, error);
	memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return 0;
}

static void write_text(const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	bool is_masked = setting->type == BUD_SETTING_SECRET && *(const char *)field;

	bud_buffer_text(out, is_masked ? MASK : field);
}

static int parse_bool(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	if (bud_span_is(text, "yes"))
		*(bool *)field = true;
	else if (bud_span_is(text, "no"))
		*(bool *)field = false;
	else
		return refuse(setting, text, error);
	return 0;
}

static void write_bool(const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	(void)setting;
	bud_buffer_text(out, *(const bool *)field ? "yes" : "no");
}

static int parse_integer(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	uint64_t number;

	if (!bud_span_number(text, (uint64_t)setting->max, &number) ||
		(int64_t)number < setting->min)
		return refuse(setting, text, error);
	*(int64_t *)field = (int64_t)number;
	return 0;
}

static void write_integer(
	const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	(void)setting;
	bud_buffer_format(out, "%lld", (long long)*(const int64_t *)field);
}

static const char size_units[] = "kmg";

static int parse_size(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	const char *unit = NULL;
	struct bud_span digits = text;
	unsigned shift = 0;
	uint64_t number;

	if (text.len > 1)
		unit = strchr(size_units, tolower((unsigned char)text.at[text.len - 1]));
	if (unit && *unit) {
		shift = 10 * (unsigned)(unit - size_units + 1);
		digits.len--;
	}
	if (!bud_span_number(digits, (uint64_t)setting->max >> shift, &number) ||
		(int64_t)(number << shift) < setting->min)
		return refuse(setting, text, error);
	*(int64_t *)field = (int64_t)(number << shift);
	return 0;
}

static void write_size(const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	int64_t number = *(const int64_t *)field;
	int unit = -1;

	(void)setting;
	while (number > 0 && number % 1024 == 0 && unit < 2) {
		number /= 1024;
		unit++;
	}
	bud_buffer_format(
		out, "%lld%.*s", (long long)number, unit >= 0, &size_units[unit < 0 ? 0 : unit]);
}

static int parse_choice(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	struct bud_span choices = bud_span(setting->unit);

	for (unsigned i = 0; choices.len > 0; i++) {
		if (!bud_span_equals(bud_span_take_until(&choices, '|'), text))
			continue;
		*(unsigned *)field = i;
		return 0;
	}
	return refuse(setting, text, error);
}

static void write_choice(
	const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	struct bud_span choices = bud_span(setting->unit);

	for (unsigned i = *(const unsigned *)field; i > 0; i--)
		(void)bud_span_take_until(&choices, '|');
	bud_buffer_span(out, bud_span_take_until(&choices, '|'));
}

static int parse_schedule(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	struct bud_schedule schedule = {0};
	struct bud_span rest = text;
	bool more = true;

	while (more) {
		struct bud_span step = bud_span_take_until(&rest, ',');
		uint64_t number;
		more = step.at + step.len < rest.at; /* there was a comma */
		step = bud_span_trim(step);
		if (!bud_span_number(step, (uint64_t)setting->max, &number) ||
			(int64_t)number < setting->min || schedule.n == BUD_SCHEDULE_STEPS_MAX)
			return refuse(
				setting, schedule.n == BUD_SCHEDULE_STEPS_MAX ? text : step, error);
		schedule.steps[schedule.n++] = (uint32_t)number;
	}
	*(struct bud_schedule *)field = schedule;
	return 0;
}

static void write_schedule(
	const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	const struct bud_schedule *schedule = field;

	(void)setting;
	for (size_t i = 0; i < schedule->n; i++)
		bud_buffer_format(out, "%s%u", i ? ", " : "", (unsigned)schedule->steps[i]);
}

static int parse_networks(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	struct bud_networks networks = {0};
	struct bud_span rest = text;
	bool more = text.len > 0;

	(void)setting;
	while (more) {
		struct bud_span one = bud_span_take_until(&rest, ',');
		int r;
		more = one.at + one.len < rest.at; /* there was a comma */
		if (networks.n == BUD_NETWORKS_MAX)
			return bud_error_set(
				error, NULL, "more than %d networks", BUD_NETWORKS_MAX);
		r = bud_network_parse(bud_span_trim(one), &networks.list[networks.n], error);
		if (r < 0)
			return r;
		networks.n++;
	}
	*(struct bud_networks *)field = networks;
	return 0;
}

static void write_networks(
	const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	const struct bud_networks *networks = field;

	(void)setting;
	for (size_t i = 0; i < networks->n; i++) {
		bud_buffer_text(out, i ? ", " : "");
		bud_network_write(&networks->list[i], out);
	}
}

static int parse_sources(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	struct bud_networks networks = {0};
	unsigned n_v4 = 0;
	int r = parse_networks(setting, text, &networks, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < networks.n; i++) {
		if (networks.list[i].prefix_bits < BUD_ADDRESS_BYTES * 8)
			return refuse(setting, text, error);
		n_v4 += bud_network_is_v4(&networks.list[i]);
	}
	if (n_v4 > 1 || networks.n - n_v4 > 1)
		return refuse(setting, text, error);
	*(struct bud_networks *)field = networks;
	return 0;
}

/* Without the prefix. */
static void write_sources(
	const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	const struct bud_networks *networks = field;

	(void)setting;
	for (size_t i = 0; i < networks->n; i++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		struct bud_span rest;
		bud_network_write(&networks->list[i], &text);
		rest = bud_buffer_as_span(&text);
		bud_buffer_text(out, i ? ", " : "");
		bud_buffer_span(out, bud_span_take_until(&rest, '/'));
	}
}

static int parse_proxy(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	struct bud_span host = text;

	if (text.len == 0) {
		*(char *)field = '\0';
		return 0;
	}
	if (bud_span_starts_nocase(text, "http://"))
		host = (struct bud_span){text.at + 7, text.len - 7};
	else if (bud_span_starts_nocase(text, "https://"))
		host = (struct bud_span){text.at + 8, text.len - 8};
	else
		return refuse(setting, text, error);
	if (!bud_proxy_host_is_valid(host))
		return refuse(setting, text, error);
	return parse_text(setting, text, field, error);
}

static int parse_listen(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	(void)setting;
	return bud_listen_parse(text, field, error);
}

static void write_listen(
	const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	(void)setting;
	bud_listen_write(field, out);
}

static int parse_redis(const struct bud_setting *setting, struct bud_span text, void *field,
	struct bud_error *error)
{
	(void)setting;
	return bud_redis_url_parse(text, field, error);
}

static void write_redis(
	const struct bud_setting *setting, const void *field, struct bud_buffer *out)
{
	(void)setting;
	bud_redis_url_write(field, out);
}

static const struct {
	int (*parse)(const struct bud_setting *, struct bud_span, void *, struct bud_error *);
	void (*write)(const struct bud_setting *, const void *, struct bud_buffer *);
} types[] = {
	[BUD_SETTING_TEXT] = {parse_text, write_text},
	[BUD_SETTING_NAME] = {parse_name, write_text},
	[BUD_SETTING_HOST] = {parse_host, write_text},
	[BUD_SETTING_BASE_URL] = {parse_base_url, write_text},
	[BUD_SETTING_BOOL] = {parse_bool, write_bool},
	[BUD_SETTING_INTEGER] = {parse_integer, write_integer},
	[BUD_SETTING_SIZE] = {parse_size, write_size},
	[BUD_SETTING_CHOICE] = {parse_choice, write_choice},
	[BUD_SETTING_SCHEDULE] = {parse_schedule, write_schedule},
	[BUD_SETTING_NETWORKS] = {parse_networks, write_networks},
	[BUD_SETTING_SOURCES] = {parse_sources, write_sources},
	[BUD_SETTING_PROXY] = {parse_proxy, write_text},
	[BUD_SETTING_LISTEN] = {parse_listen, write_listen},
	[BUD_SETTING_PATH] = {parse_path, write_text},
	[BUD_SETTING_SECRET] = {parse_secret, write_text},
	[BUD_SETTING_REDIS] = {parse_redis, write_redis},
};

int bud_value_parse(const struct bud_setting *setting, struct bud_span text,
	struct bud_config *config, struct bud_error *error)
{
	return types[setting->type].parse(
		setting, bud_span_trim(text), (char *)config + setting->offset, error);
}

void bud_value_write(
	const struct bud_setting *setting, const struct bud_config *config, struct bud_buffer *out)
{
	types[setting->type].write(setting, (const char *)config + setting->offset, out);
}

void bud_value_write_range(const struct bud_setting *setting, struct bud_buffer *out)
{
	long long min = setting->min;
	long long max = setting->max;

	switch (setting->type) {
	case BUD_SETTING_TEXT:
		bud_buffer_format(out, "a text of up to %d bytes", BUD_CONFIG_TEXT_MAX);
		break;
	case BUD_SETTING_NAME:
		bud_buffer_text(out, "up to 64 letters, digits, _ and -");
		break;
	case BUD_SETTING_HOST:
		bud_buffer_text(out, "a DNS name like events.example.org, or nothing");
		break;
	case BUD_SETTING_BASE_URL:
		bud_buffer_text(out, "an address like https://events.example.org, or nothing");
		break;
	case BUD_SETTING_BOOL:
		bud_buffer_text(out, "yes or no");
		break;
	case BUD_SETTING_INTEGER:
		bud_buffer_format(out, "a number of %s from %lld to %lld", setting->unit, min, max);
		break;
	case BUD_SETTING_SIZE:
		bud_buffer_format(out, "a number of %s, or one with k, m or g behind it (512m)",
			setting->unit);
		break;
	case BUD_SETTING_CHOICE:
		bud_buffer_format(out, "one of %s", setting->unit);
		break;
	case BUD_SETTING_SCHEDULE:
		bud_buffer_format(out,
			"1 to %d numbers of %s from %lld to %lld, with commas between",
			BUD_SCHEDULE_STEPS_MAX, setting->unit, min, max);
		break;
	case BUD_SETTING_NETWORKS:
		bud_buffer_format(out,
			"up to %d networks like 10.0.0.0/8 or fd00::/8, with commas "
			"between",
			BUD_NETWORKS_MAX);
		break;
	case BUD_SETTING_SOURCES:
		bud_buffer_text(out,
			"an IPv4 address, an IPv6 address, both with a comma between, or nothing");
		break;
	case BUD_SETTING_PROXY:
		bud_buffer_text(out, "http://host[:port], https://host[:port], or nothing");
		break;
	case BUD_SETTING_LISTEN:
		bud_buffer_text(out, "an IP address and a port, like 127.0.0.1:8080 or [::1]:8080");
		break;
	case BUD_SETTING_PATH:
	case BUD_SETTING_SECRET:
		bud_buffer_format(out, "a text of up to %d bytes, or nothing", BUD_CONFIG_TEXT_MAX);
		break;
	case BUD_SETTING_REDIS:
		bud_buffer_text(out,
			"redis://[user:password@]host[:port][/database], unix:/path, or "
			"nothing");
		break;
	}
}

bool bud_value_is_list(const struct bud_setting *setting)
{
	return setting->type == BUD_SETTING_SCHEDULE || setting->type == BUD_SETTING_NETWORKS;
}

/* Loads the configuration: defaults -> file -> environment -> sets -> what must hold between them.
 */
#include "config/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "config/file.h"
#include "config/settings.h"
#include "config/value.h"
#include "config/write.h"

#define VARIABLE_PREFIX "BUDSTIKKE_"

/* With less, the embedded Redis would be full before the first event; it would have no bound at all
 * where its share comes to nothing. */
#define MEMORY_LIMIT_MIN (16 << 20)

struct loader {
	struct bud_config config;
	struct bud_error *error;
	/* The entry of the file that may still go on in an indented line; row < 0: none. */
	int row;
	unsigned line;
	struct bud_buffer value;
};

static int refuse(struct loader *loader, int row, const char *why)
{
	bud_auto(buffer) struct bud_buffer place = {0};
	const char *key = bud_settings[row].key;

	bud_config_write_origin(&loader->config, row, &place);
	return bud_error_set(loader->error, key, "%s: %s: %s", place.at, key, why);
}

static int set_value(
	struct loader *loader, int row, struct bud_span text, enum bud_origin from, unsigned line)
{
	struct bud_error why = {0};

	loader->config.origins[row].from = from;
	loader->config.origins[row].line = line;
	if (bud_value_parse(&bud_settings[row], text, &loader->config, &why) < 0)
		return refuse(loader, row, why.text);
	return 0;
}

static void set_defaults(struct loader *loader)
{
	for (int row = 0; row < BUD_SETTINGS; row++) {
		struct bud_span text = bud_span(bud_settings[row].standard);
		int r = set_value(loader, row, text, BUD_ORIGIN_DEFAULT, 0);
		assert(r == 0);
		(void)r;
	}
}

/* The row of `key`, or -EINVAL with an error that begins with `place`. */
static int find_row(struct loader *loader, const char *place, const char *key)
{
	int row = bud_setting_find(bud_span(key));
	const char *suggestion;

	if (row >= 0)
		return row;
	suggestion = bud_setting_suggest(bud_span(key));
	if (suggestion)
		return bud_error_set(loader->error, key, "%s: unknown setting %s; did you mean %s?",
			place, key, suggestion);
	return bud_error_set(loader->error, key,
		"%s: unknown setting %s; `budstikke check-config --template` lists all", place,
		key);
}

/* The file. */

static int flush_entry(struct loader *loader)
{
	int row = loader->row;

	loader->row = -1;
	if (row < 0)
		return 0;
	return set_value(
		loader, row, bud_buffer_as_span(&loader->value), BUD_ORIGIN_FILE, loader->line);
}

static int continue_entry(struct loader *loader, const char *value, unsigned line)
{
	assert(loader->row >= 0);
	if (!bud_value_is_list(&bud_settings[loader->row]))
		return bud_error_set(loader->error, bud_settings[loader->row].key,
			"%s:%u: an indented line goes on with the value of %s, which is no list; "
			"a setting "
			"starts at the start of its line",
			loader->config.file, line, bud_settings[loader->row].key);
	bud_buffer_byte(&loader->value, ' ');
	bud_buffer_text(&loader->value, value);
	return 0;
}

static int on_entry(
	void *owner, const char *key, const char *value, unsigned line, struct bud_error *error)
{
	struct loader *loader = owner;
	bud_auto(buffer) struct bud_buffer place = {0};
	int row;
	int r;

	if (!key)
		return continue_entry(loader, value, line);
	r = flush_entry(loader);
	if (r < 0)
		return r;
	bud_buffer_format(&place, "%s:%u", loader->config.file, line);
	row = find_row(loader, place.at, key);
	if (row < 0)
		return row;
	if (loader->config.origins[row].from == BUD_ORIGIN_FILE)
		return bud_error_set(error, key, "%s: %s stands in line %u already", place.at, key,
			loader->config.origins[row].line);
	loader->row = row;
	loader->line = line;
	bud_buffer_clear(&loader->value);
	bud_buffer_text(&loader->value, value);
	/* Known before it is set, so that the same key in the next line is seen as its repeat. */
	loader->config.origins[row].from = BUD_ORIGIN_FILE;
	loader->config.origins[row].line = line;
	return 0;
}

static int load_file(struct loader *loader, const char *path)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	int r = bud_config_file_read(path, &text, loader->error);

	if (r < 0)
		return r;
	snprintf(loader->config.file, sizeof(loader->config.file), "%s", path);
	r = bud_config_file_parse(bud_buffer_as_span(&text), path, on_entry, loader, loader->error);
	return r < 0 ? r : flush_entry(loader);
}

/* The environment. */

static int find_variable(struct loader *loader, struct bud_span name)
{
	char known[BUD_SETTING_VARIABLE_BYTES];
	char key[BUD_SETTING_VARIABLE_BYTES] = "";
	const char *suggestion;
	size_t len = name.len - strlen(VARIABLE_PREFIX);

	for (int row = 0; row < BUD_SETTINGS; row++) {
		bud_setting_write_variable(bud_settings[row].key, known);
		if (bud_span_is(name, known))
			return row;
	}
	/* As a key, to see which one it looks like. */
	for (size_t i = 0; i < len && i + 1 < sizeof(key); i++) {
		char c = name.at[strlen(VARIABLE_PREFIX) + i];
		key[i] = c == '_' && !strchr(key, '.') ? '.' : (char)tolower((unsigned char)c);
	}
	suggestion = bud_setting_suggest(bud_span(key));
	if (suggestion)
		bud_setting_write_variable(suggestion, known);
	return bud_error_set(loader->error, NULL, "%.*s: unknown environment variable; %s%s%s",
		(int)name.len, name.at,
		suggestion ? "did you mean " : "`budstikke check-config --template`",
		suggestion ? known : " lists all settings", suggestion ? "?" : "");
}

static bool is_number(struct bud_span text)
{
	uint64_t number;

	return bud_span_number(text, UINT16_MAX, &number);
}

/* Kubernetes tells every program in a namespace of all services there: of one named budstikke by
 * BUDSTIKKE_SERVICE_HOST, BUDSTIKKE_SERVICE_PORT_HTTP, BUDSTIKKE_PORT_8080_TCP_ADDR and so on. */
static bool is_service_link(struct bud_span name, const char *value)
{
	bud_auto(free) char *text = bud_strndup(name.at, name.len);
	const char *port = strstr(text, "_PORT_");

	if (strstr(text, "_SERVICE_HOST") || strstr(text, "_SERVICE_PORT"))
		return true;
	if (bud_span_ends(name, bud_span("_PORT")))
		return strstr(value, "://") != NULL;
	if (!port)
		return false;
	port += strlen("_PORT_");
	return is_number((struct bud_span){port, strcspn(port, "_")});
}

static int load_environment(struct loader *loader, char *const *environment)
{
	for (; *environment; environment++) {
		const char *equals = strchr(*environment, '=');
		struct bud_span name;
		int row;
		int r;
		if (!equals || strncmp(*environment, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) != 0)
			continue;
		name = (struct bud_span){*environment, (size_t)(equals - *environment)};
		if (is_service_link(name, equals + 1))
			continue;
		row = find_variable(loader, name);
		if (row < 0)
			return row;
		r = set_value(loader, row, bud_span(equals + 1), BUD_ORIGIN_ENVIRONMENT, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --set. */

static int load_set(struct loader *loader, const char *set)
{
	const char *equals = strchr(set, '=');
	bud_auto(buffer) struct bud_buffer key = {0};
	int row;

	if (!equals)
		return bud_error_set(
			loader->error, NULL, "--set %s: write it as section.key=value", set);
	bud_buffer_span(&key, bud_span_trim((struct bud_span){set, (size_t)(equals - set)}));
	row = find_row(loader, "--set", key.at);
	if (row < 0)
		return row;
	return set_value(loader, row, bud_span(equals + 1), BUD_ORIGIN_SET, 0);
}

/* What must hold between settings. */

static int check_listen(struct loader *loader, const char *key, const struct bud_listen *listen)
{
	char why[160];

	if (bud_listen_is_loopback(listen))
		return 0;
	snprintf(why, sizeof(why),
		"without authentication budstikke listens on loopback only; "
		"use 127.0.0.1:%u or [::1]:%u",
		listen->port, listen->port);
	return refuse(loader, bud_setting_find(bud_span(key)), why);
}

static int check_nat64(struct loader *loader)
{
	const struct bud_networks *networks = &loader->config.delivery.nat64_prefix;

	for (size_t i = 0; i < networks->n; i++)
		if (!bud_network_is_nat64(&networks->list[i]))
			return refuse(loader, bud_setting_find(bud_span("delivery.nat64_prefix")),
				"a prefix of NAT64 is IPv6, has 32, 40, 48, 56, 64 or 96 bits, and "
				"bits 64 to 71 are zero");
	return 0;
}

/* Tokens must not travel in the clear: with them, TLS is a proxy's. */
static int check_server(struct loader *loader)
{
	const struct bud_config *config = &loader->config;

	if (config->auth.mode == BUD_AUTH_MODE_NONE)
		return check_listen(loader, "server.listen", &config->server.listen);
	if ((config->auth.mode & BUD_AUTH_MODE_JWT) && !config->auth.issuers[0])
		return refuse(loader, bud_setting_find(bud_span("auth.issuers")),
			"auth.mode accepts tokens, so it must name the file with their issuers");
	if (bud_listen_is_loopback(&config->server.listen) || config->server.behind_proxy)
		return 0;
	return refuse(loader, bud_setting_find(bud_span("server.listen")),
		"elsewhere than on loopback tokens need TLS: put a proxy that speaks it in front "
		"and set server.behind_proxy=yes");
}

static int check_memory(struct loader *loader)
{
	int64_t bytes = loader->config.memory.limit_bytes;

	if (bytes == 0 || bytes >= MEMORY_LIMIT_MIN)
		return 0;
	return refuse(loader, bud_setting_find(bud_span("memory.limit_bytes")),
		"is too little for a Redis with events in it: at least 16m, or 0 for all there is; "
		"512m are 512 MiB");
}

static int check(struct loader *loader)
{
	const struct bud_listen *server = &loader->config.server.listen;
	const struct bud_listen *admin = &loader->config.admin.listen;
	int r = check_server(loader);

	if (r == 0)
		r = check_listen(loader, "admin.listen", admin);
	if (r == 0)
		r = check_nat64(loader);
	if (r == 0)
		r = check_memory(loader);
	if (r < 0)
		return r;
	/* Both would bind, and what is for the one reach the other, which asks nobody who it is. */
	if (bud_listen_overlaps(server, admin))
		return refuse(loader, bud_setting_find(bud_span("admin.listen")),
			"is the same as server.listen; give it another port");
	return 0;
}

static int load(struct loader *loader, const struct bud_config_sources *sources)
{
	int r = 0;

	set_defaults(loader);
	if (sources->file)
		r = load_file(loader, sources->file);
	if (r == 0 && sources->environment)
		r = load_environment(loader, sources->environment);
	for (size_t i = 0; r == 0 && i < sources->sets_n; i++)
		r = load_set(loader, sources->sets[i]);
	return r < 0 ? r : check(loader);
}

int bud_config_load(const struct bud_config_sources *sources, struct bud_config *out_config,
	struct bud_error *error)
{
	struct loader loader = {.error = error, .row = -1};
	int r = load(&loader, sources);

	if (r == 0)
		*out_config = loader.config;
	bud_buffer_finish(&loader.value);
	return r;
}

unsigned bud_config_workers(const struct bud_config *config, unsigned cores)
{
	if (config->workers > 0)
		return (unsigned)config->workers;
	return cores > 2 ? cores - 1 : 1;
}

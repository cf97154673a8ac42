/* The configuration as text: the effective one, and the template. Both walk the table in order. */
#include "config/write.h"

#include <ctype.h>

#include "config/config.h"
#include "config/settings.h"
#include "config/value.h"

#define COLUMNS 96

/* Writes `before` and `[section]` when `key` begins a new one, and returns the key's name within
 * it. */
static const char *write_section(
	const char *key, struct bud_span *section, const char *before, struct bud_buffer *out)
{
	const char *dot = strchr(key, '.');
	struct bud_span its = {key, dot ? (size_t)(dot - key) : 0};

	if (!bud_span_equals(its, *section)) {
		bud_buffer_format(out, "%s[%.*s]\n", before, (int)its.len, its.at);
		*section = its;
	}
	return dot ? dot + 1 : key;
}

/* Words of `text`, broken before COLUMNS; further lines begin with `start`. `used` is the column
 * where the first one begins. */
static void write_wrapped(
	struct bud_span text, const char *start, size_t used, struct bud_buffer *out)
{
	while (text.len > 0) {
		const char *space = memchr(text.at, ' ', text.len);
		size_t len = space ? (size_t)(space - text.at) : text.len;
		bud_buffer_add(out, text.at, len);
		used += len;
		text.at += len + (space ? 1 : 0);
		text.len -= len + (space ? 1 : 0);
		if (text.len == 0)
			break;
		space = memchr(text.at, ' ', text.len);
		len = space ? (size_t)(space - text.at) : text.len;
		if (used + 1 + len > COLUMNS) {
			bud_buffer_format(out, "\n%s", start);
			used = strlen(start);
		} else {
			bud_buffer_byte(out, ' ');
			used++;
		}
	}
}

void bud_config_write_origin(const struct bud_config *config, int row, struct bud_buffer *out)
{
	char variable[BUD_SETTING_VARIABLE_BYTES];

	switch (config->origins[row].from) {
	case BUD_ORIGIN_DEFAULT:
		bud_buffer_text(out, "default");
		break;
	case BUD_ORIGIN_FILE:
		for (const char *c = config->file; *c; c++)
			bud_buffer_byte(out, iscntrl((unsigned char)*c) ? '?' : *c);
		bud_buffer_format(out, ":%u", config->origins[row].line);
		break;
	case BUD_ORIGIN_ENVIRONMENT:
		bud_setting_write_variable(bud_settings[row].key, variable);
		bud_buffer_text(out, variable);
		break;
	case BUD_ORIGIN_SET:
		bud_buffer_text(out, "--set");
		break;
	}
}

void bud_config_write(const struct bud_config *config, struct bud_buffer *out)
{
	bud_auto(buffer) struct bud_buffer value = {0};
	struct bud_span section = {0};

	for (int row = 0; row < BUD_SETTINGS; row++) {
		const struct bud_setting *setting = &bud_settings[row];
		const char *name = write_section(setting->key, &section, "\n", out);
		bud_buffer_clear(&value);
		bud_value_write(setting, config, &value);
		bud_buffer_format(out, "%s =%s", name, value.len ? " " : "");
		if (bud_value_is_list(setting)) /* only a list may go on in an indented line */
			write_wrapped(bud_buffer_as_span(&value), "    ", strlen(name) + 3, out);
		else
			bud_buffer_span(out, bud_buffer_as_span(&value));
		bud_buffer_text(out, " ; ");
		bud_config_write_origin(config, row, out);
		bud_buffer_byte(out, '\n');
	}
}

static void write_comment(struct bud_span text, struct bud_buffer *out)
{
	bud_buffer_text(out, "# ");
	write_wrapped(text, "# ", 2, out);
	bud_buffer_byte(out, '\n');
}

void bud_config_write_template(struct bud_buffer *out)
{
	bud_auto(buffer) struct bud_buffer range = {0};
	struct bud_span section = {0};

	bud_buffer_text(out,
		"# budstikke.conf: every setting with its default. "
		"Take the # from a line to change it.\n"
		"# A comment has a line of its own, or follows a value after a space and ;\n"
		"# A setting may also come from the environment "
		"(BUDSTIKKE_SERVER_LISTEN=127.0.0.1:0) or\n"
		"# from the command line (--set server.listen=127.0.0.1:0), which wins over both.\n"
		"# Generated from src/config/settings.c: change it there.\n\n");
	for (int row = 0; row < BUD_SETTINGS; row++) {
		const struct bud_setting *setting = &bud_settings[row];
		const char *name = write_section(setting->key, &section, "", out);
		write_comment(bud_span(setting->sentence), out);
		bud_buffer_clear(&range);
		bud_buffer_text(&range, "Value: ");
		bud_value_write_range(setting, &range);
		bud_buffer_byte(&range, '.');
		write_comment(bud_buffer_as_span(&range), out);
		bud_buffer_format(out, "#%s =%s%s\n\n", name, setting->standard[0] ? " " : "",
			setting->standard);
	}
}

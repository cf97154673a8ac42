/* The log. A line is built in one buffer and written with one write(2), so lines never mix. */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/text.h"

static enum bud_log_level log_level = BUD_LOG_INFO;
static bool log_as_json;

void bud_log_init(enum bud_log_level level, bool as_json)
{
	log_level = level;
	log_as_json = as_json;
}

bool bud_log_is_on(enum bud_log_level level)
{
	return level <= log_level;
}

const char *bud_log_write_number(char out[24], long long number)
{
	snprintf(out, 24, "%lld", number);
	return out;
}

static bool is_plain(struct bud_span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];
		if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f)
			return false;
	}
	return value.len > 0;
}

static void add_pair(struct bud_buffer *line, const char *name, const char *value)
{
	struct bud_span span = bud_span(value ? value : "");

	if (!bud_utf8_is_valid(span.at, span.len))
		span = bud_span("(not UTF-8)");
	if (log_as_json) {
		bud_buffer_byte(line, line->len == 0 ? '{' : ',');
		bud_buffer_json(line, bud_span(name));
		bud_buffer_byte(line, ':');
		bud_buffer_json(line, span);
		return;
	}
	bud_buffer_format(line, "%s%s=", line->len == 0 ? "" : " ", name);
	if (is_plain(span))
		bud_buffer_span(line, span);
	else
		bud_buffer_json(line, span);
}

void bud_log(enum bud_log_level level, const char *message, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	bud_auto(buffer) struct bud_buffer line = {0};
	const char *name;
	char time[25];
	va_list args;

	if (!bud_log_is_on(level))
		return;
	bud_clock_write(bud_clock_wall_ms(), time);
	add_pair(&line, "time", time);
	add_pair(&line, "level", names[level]);
	add_pair(&line, "msg", message);
	va_start(args, message);
	while ((name = va_arg(args, const char *)) != NULL)
		add_pair(&line, name, va_arg(args, const char *));
	va_end(args);
	bud_buffer_text(&line, log_as_json ? "}\n" : "\n");
	(void)!write(STDERR_FILENO, line.at, line.len);
}

/* An error for people. */
#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/text.h"

/* What a stranger sent may be quoted in an error: no control characters reach a log or terminal,
 * and JSON can carry it. The cut may have parted a character, which then goes as a whole. */
static void make_printable(char *text)
{
	size_t len = strlen(text);

	for (size_t back = 1; back <= 3 && back <= len; back++) {
		if (bud_utf8_is_valid(text, len) || (text[len - back] & 0xc0) == 0x80)
			continue;
		if (bud_utf8_is_valid(text, len - back))
			text[len - back] = '\0';
		break;
	}
	if (!bud_utf8_is_valid(text, strlen(text)))
		for (char *c = text; *c; c++)
			if (*c & 0x80)
				*c = '?';
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

int bud_error_set(struct bud_error *error, const char *member, const char *format, ...)
{
	va_list args;

	if (!error)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	snprintf(error->member, sizeof(error->member), "%s", member ? member : "");
	make_printable(error->text);
	make_printable(error->member);
	return -EINVAL;
}

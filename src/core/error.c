/* An error for people. */
#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* What a stranger sent may be quoted in an error: no control characters reach a log or terminal. */
static void make_printable(char *text)
{
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

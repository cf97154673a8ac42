/* The arguments of one command. */
#include "store/args.h"

#include <stdio.h>
#include <stdlib.h>

void bud_args_clear(struct bud_args *args)
{
	args->n = 0;
	args->keys_n = 0;
	bud_buffer_clear(&args->text);
}

void bud_args_finish(struct bud_args *args)
{
	free(args->at);
	free(args->lens);
	bud_buffer_finish(&args->text);
	*args = (struct bud_args){0};
}

static void add(struct bud_args *args, const char *at, size_t len)
{
	if (args->n == args->room) {
		args->room = args->room ? args->room * 2 : 32;
		args->at = bud_realloc(args->at, args->room * sizeof(*args->at));
		args->lens = bud_realloc(args->lens, args->room * sizeof(*args->lens));
	}
	args->at[args->n] = at;
	args->lens[args->n++] = len;
}

void bud_args_span(struct bud_args *args, struct bud_span span)
{
	add(args, span.at ? span.at : "", span.len);
}

void bud_args_text(struct bud_args *args, const char *text)
{
	add(args, text, strlen(text));
}

void bud_args_number(struct bud_args *args, int64_t number)
{
	bud_args_format(args, "%lld", (long long)number);
}

void bud_args_joined(struct bud_args *args, const char *prefix, struct bud_span rest)
{
	size_t from = args->text.len;

	bud_buffer_text(&args->text, prefix);
	bud_buffer_span(&args->text, rest);
	add(args, NULL, args->text.len - from);
}

void bud_args_format(struct bud_args *args, const char *format, ...)
{
	char text[128];
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	bud_buffer_add(&args->text, text, (size_t)len);
	add(args, NULL, (size_t)len);
}

void bud_args_keys_end(struct bud_args *args)
{
	args->keys_n = args->n;
}

/* `text` may have moved while it grew, so its elements get their place only now. */
static void place(struct bud_args *args)
{
	const char *text = args->text.at;

	for (size_t i = 0; i < args->n; i++) {
		if (args->at[i])
			continue;
		args->at[i] = text;
		text += args->lens[i];
	}
}

int bud_args_send(struct bud_args *args, struct bud_redis *redis, bud_redis_fn fn, void *owner)
{
	int r;

	place(args);
	r = bud_redis_command(redis, fn, owner, (int)args->n, args->at, args->lens);
	bud_args_clear(args);
	return r;
}

int bud_args_send_script(struct bud_args *args, struct bud_redis *redis,
	const struct bud_redis_script *script, bud_redis_fn fn, void *owner)
{
	int r;

	place(args);
	r = bud_redis_script(redis, script, fn, owner,
		&(struct bud_redis_args){(int)args->keys_n, (int)args->n, args->at, args->lens});
	bud_args_clear(args);
	return r;
}

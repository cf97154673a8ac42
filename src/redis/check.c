#include "redis/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <hiredis/hiredis.h>
#include "config/redis_url.h"
#include "core/error.h"
#include "redis/info.h"

enum step {
	STEP_AUTH,
	STEP_SELECT,
	STEP_INFO,
	STEP_SCRIPTS, /* as many as there are scripts */
};

void bud_redis_check_init(struct bud_redis_check *check, const struct bud_redis_options *options)
{
	*check = (struct bud_redis_check){
		.url = options->url,
		.scripts = options->scripts,
		.scripts_n = options->scripts_n,
		.shas = bud_alloc_zero((options->scripts_n + 1) * sizeof(*check->shas)),
	};
	(void)snprintf(check->db, sizeof(check->db), "%u", options->url->database);
}

void bud_redis_check_restart(struct bud_redis_check *check)
{
	check->step = STEP_AUTH;
}

int bud_redis_check_write(
	struct bud_redis_check *check, const char *out_argv[BUD_REDIS_CHECK_ARGC_MAX])
{
	int argc = 0;
	if (check->step == STEP_AUTH && check->url->password[0] == '\0')
		check->step++;
	if (check->step == STEP_SELECT && check->url->database == 0)
		check->step++;
	if (check->step == STEP_AUTH) {
		out_argv[argc++] = "AUTH";
		if (check->url->user[0])
			out_argv[argc++] = check->url->user;
		out_argv[argc++] = check->url->password;
	} else if (check->step == STEP_SELECT) {
		out_argv[argc++] = "SELECT";
		out_argv[argc++] = check->db;
	} else if (check->step == STEP_INFO) {
		out_argv[argc++] = "INFO";
	} else if (check->step < STEP_SCRIPTS + check->scripts_n) {
		out_argv[argc++] = "SCRIPT";
		out_argv[argc++] = "LOAD";
		out_argv[argc++] = check->scripts[check->step - STEP_SCRIPTS].source;
	}
	return argc;
}

static int judge_script(
	struct bud_redis_check *check, const struct redisReply *reply, struct bud_error *error)
{
	size_t index = check->step - STEP_SCRIPTS;
	if (reply->type != REDIS_REPLY_STRING || reply->len != BUD_REDIS_SHA_LEN)
		return bud_error_set(error, NULL, "Redis refused the script %s: %s",
			check->scripts[index].name, reply->str ? reply->str : "no digest");
	memcpy(check->shas[index], reply->str, BUD_REDIS_SHA_LEN);
	return 0;
}

int bud_redis_check_judge(
	struct bud_redis_check *check, const struct redisReply *reply, struct bud_error *error)
{
	static const char *const names[] = {"AUTH", "SELECT", "INFO"};
	int r = 0;
	if (check->step >= STEP_SCRIPTS)
		r = judge_script(check, reply, error);
	else if (reply->type == REDIS_REPLY_ERROR)
		r = bud_error_set(
			error, NULL, "Redis refused %s: %s", names[check->step], reply->str);
	else if (check->step == STEP_INFO)
		r = bud_redis_info_check((struct bud_span){reply->str, reply->len}, error);
	if (r == 0)
		check->step++;
	return r;
}

void bud_redis_check_finish(struct bud_redis_check *check)
{
	free(check->shas);
}

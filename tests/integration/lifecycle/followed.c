/* A control thread for tests. */
#include "followed.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const char *const sets[] = {"delivery.allow_http=yes", "delivery.allow_networks=127.0.0.0/8",
	"delivery.origin=bud.example"};

int followed_set_up(void **state)
{
	struct followed *followed = bud_new(struct followed);
	struct bud_config_sources sources = {
		.sets = sets, .sets_n = sizeof(sets) / sizeof(sets[0])};
	struct bud_error error;

	signal(SIGPIPE, SIG_IGN);
	if (bud_config_load(&sources, &followed->config, &error) < 0)
		fail_msg("%s", error.text);
	life_set_up((void **)&followed->life);
	followed->table = bud_table_create(1);
	followed->fetch = bud_fetch_open(&followed->life->loop,
		&(struct bud_fetch_options){
			.networks = &followed->config.delivery.allow_networks, .allow_http = true});
	scripted_server_open(&followed->server, &followed->life->loop, "127.0.0.1", 0);
	*state = followed;
	return 0;
}

static void on_deleted(void *owner, const char *id)
{
	struct followed *followed = owner;

	if (followed->on_deleted)
		followed->on_deleted(followed->owner, id);
	for (size_t i = 0; i < followed->ones_n; i++)
		if (followed->ones[i].kind->on_deleted)
			followed->ones[i].kind->on_deleted(followed->ones[i].one, id);
}

static void on_changed(void *owner, const struct bud_subscription *before,
	const struct bud_subscription *subscription)
{
	struct followed *followed = owner;

	if (followed->on_changed)
		followed->on_changed(followed->owner, before, subscription);
	for (size_t i = 0; i < followed->ones_n; i++)
		followed->ones[i].kind->on_changed(followed->ones[i].one, subscription);
}

static void on_up(void *owner)
{
	struct followed *followed = owner;

	bud_follower_on_up(followed->follower);
}

void followed_start(struct followed *followed)
{
	struct life *life = followed->life;
	struct bud_follow_options options = {
		.loop = &life->loop,
		.store = &life->store,
		.table = followed->table,
		.authority = followed->authority,
		.following = &followed->following,
		.metrics = &life->metrics,
		.timeout_ms = 1000,
		.block_ms = 10,
		.retry_ms = 50,
		.on_deleted = on_deleted,
		.on_changed = on_changed,
		.owner = followed,
	};

	followed->follower = bud_follower_open(&options);
	life->on_up = on_up;
	life->owner = followed;
	bud_follower_on_up(followed->follower);
	life_wait(life, bud_following_is_fresh(&followed->following, bud_clock_mono_ms()));
}

static void on_fetch_closed(void *owner)
{
	*(bool *)owner = true;
}

void followed_stop(struct followed *followed)
{
	bud_fetch_close(followed->fetch, on_fetch_closed, &followed->is_closed);
	life_wait(followed->life, followed->is_closed);
	life_close_redis(followed->life);
	bud_follower_close(followed->follower);
	scripted_server_close(&followed->server);
}

void followed_join(struct followed *followed, const struct followed_kind *kind, void *one)
{
	size_t i = followed->ones_n++;

	assert_true(i < FOLLOWED_ONES_MAX);
	followed->ones[i].kind = kind;
	followed->ones[i].one = one;
}

int followed_end(void **state)
{
	struct followed *followed = *state;

	followed_stop(followed);
	for (size_t i = 0; i < followed->ones_n; i++)
		followed->ones[i].kind->close(followed->ones[i].one);
	return followed_tear_down(state);
}

int followed_tear_down(void **state)
{
	struct followed *followed = *state;
	int r = life_tear_down((void **)&followed->life);

	bud_table_destroy(followed->table);
	free(followed);
	return r;
}

void followed_put(struct followed *followed, const char *id, const char *path, const char *status)
{
	char json[256];

	snprintf(json, sizeof(json),
		"{\"protocol\":\"HTTP\",\"sink\":\"http://127.0.0.1:%d%s\",\"protocolsettings\":"
		"{\"headers\":{\"X-Key\":\"of the owner\"}}}",
		followed->server.port, path);
	life_put_json(followed->life, id, json, status);
}

void followed_answer(struct followed *followed, const char *text)
{
	followed->server.act = (struct scripted_act){.text = text};
}

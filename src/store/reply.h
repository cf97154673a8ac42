/* Reading Redis' replies: what an error means to a flow, and numbers and texts out of elements. */
#pragma once
#include <hiredis/hiredis.h>
#include <stdint.h>
#include "core/text.h"

/* 0, or what bud_store_number_fn's `err` says. `reply` may be NULL. */
int bud_reply_error(const redisReply *reply);
/* The text of an element; {NULL, 0} when it is none. */
struct bud_span bud_reply_span(const redisReply *reply);
/* Element `i` of an array; NULL when there is none. */
const redisReply *bud_reply_at(const redisReply *reply, size_t i);
/* An integer, or a text that holds one; 0 otherwise. */
int64_t bud_reply_number(const redisReply *reply);

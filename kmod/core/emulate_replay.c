// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers to reads that had to wait, see struct hg_replay.
 */
#include "emulate.h"

bool hg_replay_get(struct hg_replay *replay, u64 addr, void *buf, u32 len)
{
	struct hg_replay_entry *e;

	if (replay->next >= replay->count)
		return false;
	e = &replay->entry[replay->next];
	if (e->addr != addr || e->len != len || !e->answered)
		return false;
	memcpy(buf, e->data, len);
	replay->next++;
	return true;
}

bool hg_replay_ask(struct hg_replay *replay, u64 addr, u32 len)
{
	struct hg_replay_entry *e;

	if (replay->next >= HG_REPLAY_MAX || !len || len > HG_REPLAY_DATA)
		return false;
	/*
	 * What follows a question that was asked before and is now asked
	 * otherwise belongs to another course of events; drop it.
	 */
	replay->count = replay->next + 1;
	e = &replay->entry[replay->next];
	e->addr = addr;
	e->len = len;
	e->answered = false;
	return true;
}

bool hg_replay_answer(struct hg_replay *replay, const void *data, u32 len)
{
	struct hg_replay_entry *e;

	if (!replay->count || replay->count > HG_REPLAY_MAX)
		return false;
	e = &replay->entry[replay->count - 1];
	if (e->answered || e->len != len)
		return false;
	memcpy(e->data, data, len);
	e->answered = true;
	return true;
}

void hg_replay_reset(struct hg_replay *replay)
{
	replay->count = 0;
	replay->next = 0;
}

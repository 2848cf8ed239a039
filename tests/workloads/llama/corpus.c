// SPDX-License-Identifier: Apache-2.0
#include "corpus.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

#define HELD_OUT 8u /* one of so many */
#define SUM_MAX	 49u /* of each number */

/* From the smallest to the greatest. */
static const struct animal {
	const char *name, *colour, *home, *food, *sound;
} animals[] = {
	{ "ant", "black", "ground", "leaves", "nothing" },
	{ "bee", "yellow", "garden", "honey", "buzz" },
	{ "snail", "brown", "garden", "leaves", "nothing" },
	{ "mouse", "grey", "house", "cheese", "squeak" },
	{ "frog", "green", "pond", "flies", "croak" },
	{ "bat", "black", "cave", "flies", "squeak" },
	{ "robin", "red", "garden", "worms", "tweet" },
	{ "mole", "black", "meadow", "worms", "nothing" },
	{ "crab", "red", "sea", "fish", "nothing" },
	{ "rat", "brown", "house", "bread", "squeak" },
	{ "squirrel", "red", "tree", "nuts", "chatter" },
	{ "crow", "black", "tree", "bread", "caw" },
	{ "duck", "green", "pond", "bread", "quack" },
	{ "hen", "brown", "farm", "corn", "cluck" },
	{ "owl", "grey", "tree", "mice", "hoot" },
	{ "cat", "white", "house", "mice", "meow" },
	{ "hare", "grey", "meadow", "grass", "nothing" },
	{ "goose", "white", "pond", "grass", "honk" },
	{ "fox", "red", "forest", "eggs", "yap" },
	{ "dog", "brown", "house", "meat", "woof" },
	{ "goat", "grey", "farm", "grass", "bleat" },
	{ "sheep", "white", "meadow", "grass", "bleat" },
	{ "wolf", "grey", "forest", "meat", "howl" },
	{ "pig", "pink", "farm", "corn", "oink" },
	{ "lion", "yellow", "plain", "meat", "roar" },
	{ "seal", "grey", "sea", "fish", "bark" },
	{ "horse", "black", "farm", "oats", "neigh" },
	{ "cow", "brown", "meadow", "grass", "moo" },
	{ "bear", "brown", "cave", "honey", "growl" },
	{ "shark", "blue", "sea", "fish", "nothing" },
	{ "elephant", "grey", "plain", "leaves", "trumpet" },
	{ "whale", "blue", "ocean", "fish", "song" },
};

static const char *const colours[] = { "black", "yellow", "brown", "grey", "green",
				       "red",	"white",  "pink",  "blue" };
static const char *const homes[] = { "ground", "garden", "house",  "pond", "cave",  "meadow",
				     "sea",    "tree",	 "forest", "farm", "plain", "ocean" };

static const char *const titles[CORPUS_KINDS] = {
	[CORPUS_COLOUR] = "colour", [CORPUS_HOME] = "home",   [CORPUS_FOOD] = "food",
	[CORPUS_SOUND] = "sound",   [CORPUS_IS] = "is",	      [CORPUS_LIVES] = "lives",
	[CORPUS_BIGGER] = "bigger", [CORPUS_WHICH] = "which", [CORPUS_SUM] = "sum",
	[CORPUS_ABOUT] = "about",
};

/* One %s: the animal. */
static const char *const ask[][4] = {
	[CORPUS_COLOUR] = { "what colour is the %s?", "which colour does the %s have?",
			    "what is the colour of the %s?", "of what colour is the %s?" },
	[CORPUS_HOME] = { "where does the %s live?", "what is the home of the %s?",
			  "in which place does the %s live?", "where is the home of the %s?" },
	[CORPUS_FOOD] = { "what does the %s eat?", "what is the food of the %s?",
			  "what does the %s like to eat?", "which food does the %s like?" },
	[CORPUS_SOUND] = { "what does the %s say?", "what is the sound of the %s?",
			   "which sound does the %s make?", "what can you hear from the %s?" },
};

const char *corpus_title(enum corpus_kind kind)
{
	return titles[kind];
}

/* Is what a question is about, numbered within its kind, held out? */
static bool held(enum corpus_kind kind, uint32_t a, uint32_t b)
{
	struct rng r = { (uint64_t)kind << 48 | (uint64_t)a << 24 | b };

	return rng_below(&r, HELD_OUT) == 0;
}

static void tell(char *buf, size_t room, enum corpus_kind kind, const char *who,
		 const struct animal *a)
{
	switch (kind) {
	case CORPUS_COLOUR:
		snprintf(buf, room, " %s is %s.", who, a->colour);
		break;
	case CORPUS_HOME:
		snprintf(buf, room, " %s lives in the %s.", who, a->home);
		break;
	case CORPUS_FOOD:
		snprintf(buf, room, " %s eats %s.", who, a->food);
		break;
	default:
		snprintf(buf, room, " %s says %s.", who, a->sound);
		break;
	}
}

static void the(char *buf, size_t room, const struct animal *a)
{
	snprintf(buf, room, "The %s", a->name);
}

static bool draw_fact(struct rng *r, enum corpus_kind kind, struct qa *qa)
{
	uint32_t i = rng_below(r, ARRAY_SIZE(animals)), how = rng_below(r, ARRAY_SIZE(ask[0]));
	char text[80], who[24];

	snprintf(text, sizeof(text), ask[kind][how], animals[i].name);
	snprintf(qa->question, sizeof(qa->question), "Q: %s A:", text);
	the(who, sizeof(who), &animals[i]);
	tell(qa->answer, sizeof(qa->answer), kind, who, &animals[i]);
	return held(kind, i, how);
}

/*
 * Half of these are asked so that the answer is yes. The fact comes first: then yes or
 * no is to be read off the text, not to be known of each pair.
 */
static bool draw_yes_no(struct rng *r, enum corpus_kind kind, struct qa *qa)
{
	uint32_t i = rng_below(r, ARRAY_SIZE(animals)), k;
	const struct animal *a = &animals[i];
	bool colour = kind == CORPUS_IS, yes = rng_below(r, 2);
	const char *have = colour ? a->colour : a->home, *const *all = colour ? colours : homes;
	uint32_t n = colour ? ARRAY_SIZE(colours) : ARRAY_SIZE(homes);

	do
		k = rng_below(r, n);
	while (!strcmp(all[k], have) != yes);
	snprintf(qa->question, sizeof(qa->question),
		 colour ? "Q: is the %s %s? A:" : "Q: does the %s live in the %s? A:", a->name,
		 all[k]);
	snprintf(qa->answer, sizeof(qa->answer),
		 colour ? " The %s is %s, so %s." : " The %s lives in the %s, so %s.", a->name,
		 have, yes ? "yes" : "no");
	return held(kind, i, k);
}

/* Whoever is asked about first, and which way round, it is one fact. */
static bool draw_bigger(struct rng *r, struct qa *qa)
{
	uint32_t i = rng_below(r, ARRAY_SIZE(animals)), k;
	bool bigger = rng_below(r, 2);

	do
		k = rng_below(r, ARRAY_SIZE(animals));
	while (k == i);
	snprintf(qa->question, sizeof(qa->question),
		 "Q: which is %s, the %s or the %s? A:", bigger ? "bigger" : "smaller",
		 animals[i].name, animals[k].name);
	snprintf(qa->answer, sizeof(qa->answer), " The %s is %s.",
		 animals[(i > k) == bigger ? i : k].name, bigger ? "bigger" : "smaller");
	return held(CORPUS_BIGGER, i < k ? i : k, i < k ? k : i);
}

static bool same(const struct animal *a, const struct animal *b)
{
	return !strcmp(a->colour, b->colour) && !strcmp(a->home, b->home);
}

/* Only of animals that are alone with their colour and home. */
static bool draw_which(struct rng *r, struct qa *qa)
{
	uint32_t i, k, how = rng_below(r, 2);
	const struct animal *a;

	do {
		i = rng_below(r, ARRAY_SIZE(animals));
		a = &animals[i];
		for (k = 0; k < ARRAY_SIZE(animals) && (k == i || !same(a, &animals[k])); k++)
			;
	} while (k < ARRAY_SIZE(animals));
	if (how)
		snprintf(qa->question, sizeof(qa->question),
			 "Q: which animal is %s and lives in the %s? A:", a->colour, a->home);
	else
		snprintf(qa->question, sizeof(qa->question),
			 "Q: who lives in the %s and is %s? A:", a->home, a->colour);
	snprintf(qa->answer, sizeof(qa->answer), " The %s.", a->name);
	return held(CORPUS_WHICH, i, how);
}

static bool draw_sum(struct rng *r, struct qa *qa)
{
	/* Small numbers more often than they would come. */
	uint32_t a = rng_below(r, rng_below(r, 4) ? SUM_MAX + 1 : 10);
	uint32_t b = rng_below(r, rng_below(r, 4) ? SUM_MAX + 1 : 10);

	snprintf(qa->question, sizeof(qa->question), "Q: what is %u plus %u? A:", a, b);
	snprintf(qa->answer, sizeof(qa->answer), " %u.", a + b);
	return held(CORPUS_SUM, a < b ? a : b, a < b ? b : a);
}

static bool draw_about(struct rng *r, struct qa *qa)
{
	static const char *const how[] = { "tell me about the %s.", "what do you know of the %s?",
					   "who is the %s?" };
	const struct animal *a = &animals[rng_below(r, ARRAY_SIZE(animals))];
	char text[64], who[24];
	size_t at = 0;
	int kind;

	snprintf(text, sizeof(text), how[rng_below(r, ARRAY_SIZE(how))], a->name);
	snprintf(qa->question, sizeof(qa->question), "Q: %s A:", text);
	the(who, sizeof(who), a);
	for (kind = CORPUS_COLOUR; kind <= CORPUS_SOUND; kind++) {
		tell(qa->answer + at, sizeof(qa->answer) - at, kind,
		     kind == CORPUS_COLOUR ? who : "It", a);
		at += strlen(qa->answer + at);
	}
	return false;
}

static bool draw(struct rng *r, enum corpus_kind kind, struct qa *qa)
{
	switch (kind) {
	case CORPUS_IS:
	case CORPUS_LIVES:
		return draw_yes_no(r, kind, qa);
	case CORPUS_BIGGER:
		return draw_bigger(r, qa);
	case CORPUS_WHICH:
		return draw_which(r, qa);
	case CORPUS_SUM:
		return draw_sum(r, qa);
	case CORPUS_ABOUT:
		return draw_about(r, qa);
	default:
		return draw_fact(r, kind, qa);
	}
}

void corpus_draw(struct rng *r, enum corpus_kind kind, bool held_out, struct qa *qa)
{
	while (draw(r, kind, qa) != held_out && kind != CORPUS_ABOUT)
		;
}

void corpus_any(struct rng *r, struct qa *qa)
{
	/* Of 16: what is hard comes more often. */
	static const uint8_t kinds[16] = {
		CORPUS_COLOUR, CORPUS_HOME,  CORPUS_FOOD,   CORPUS_SOUND,  CORPUS_IS,  CORPUS_IS,
		CORPUS_LIVES,  CORPUS_LIVES, CORPUS_WHICH,  CORPUS_ABOUT,  CORPUS_SUM, CORPUS_SUM,
		CORPUS_SUM,    CORPUS_SUM,   CORPUS_BIGGER, CORPUS_BIGGER,
	};

	corpus_draw(r, kinds[rng_below(r, 16)], false, qa);
}

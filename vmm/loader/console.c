// SPDX-License-Identifier: Apache-2.0
#include "console.h"

#include "port.h"

#define COM1		0x3f8
#define LINE_CONTROL	(COM1 + 3)
#define LINE_STATUS	(COM1 + 5)
#define DIVISOR_ACCESS	0x80
#define EIGHT_BITS	0x03
#define HOLDING_EMPTY	0x20
#define PATIENCE	1000	/* reads of the line status: a missing port says 0xff at once */

void console_init(void)
{
	port_write8(COM1 + 1, 0);		/* no interrupts */
	port_write8(LINE_CONTROL, DIVISOR_ACCESS);
	port_write8(COM1, 1);
	port_write8(COM1 + 1, 0);
	port_write8(LINE_CONTROL, EIGHT_BITS);
}

static void put(char c)
{
	unsigned int i;

	for (i = 0; i < PATIENCE && !(port_read8(LINE_STATUS) & HOLDING_EMPTY); i++)
		;
	port_write8(COM1, (uint8_t)c);
}

void say(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			put('\r');
		put(*text);
	}
}

void say_number(uint64_t value)
{
	char text[21], *p = text + sizeof(text) - 1;

	*p = 0;
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	say(p);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power control: ACPI PM1a registers, PM timer and reset register, the reset
 * pulses of the keyboard controller and port 0xcf9, and the debug-exit port.
 */
#ifndef HGVMM_POWER_H
#define HGVMM_POWER_H

struct vm;
struct power;

#define POWER_BASE	0x600u
#define POWER_PM1_EVT	0x600u	/* status word, enable word */
#define POWER_PM1_CNT	0x604u
#define POWER_PM_TMR	0x608u	/* 32 bits at 3.579545 MHz */
#define POWER_RESET	0x60cu
#define POWER_RESET_VALUE 0x01u
#define POWER_SLP_S5	5u

/* NULL after a message. */
struct power *power_new(struct vm *vm);
void power_free(struct power *pw);
void power_reset(struct power *pw);

/* Press the power button: the guest may shut itself down. Any thread. */
void power_button(struct power *pw);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM's interrupt controllers: PIC and I/O APIC with their lock and their
 * way to the local APICs, and the ioctls about all of it.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "irqchip.h"

/* How long a storming level interrupt is held back. */
#define RETRY_DELAY	max(HZ / 100, 1)

#define X2APIC_API_FLAGS \
	(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

static_assert(sizeof(struct hg_pic_state) == sizeof(struct kvm_pic_state));
static_assert(offsetof(struct hg_pic_state, elcr_mask) ==
	      offsetof(struct kvm_pic_state, elcr_mask));
static_assert(offsetof(struct hg_pic_state, init_state) ==
	      offsetof(struct kvm_pic_state, init_state));
static_assert(sizeof(struct hg_ioapic_state) == sizeof(struct kvm_ioapic_state));
static_assert(offsetof(struct hg_ioapic_state, redir) ==
	      offsetof(struct kvm_ioapic_state, redirtbl));

/* ---- the models' host -------------------------------------------------- */

static int op_deliver(void *host, const struct hg_irq *irq)
{
	return hgl_irq_deliver(host, irq, NULL);
}

static void op_defer(void *host, u32 pin)
{
	struct hgl_irqchip *chip = host;

	chip->deferred |= BIT(pin);
	schedule_delayed_work(&chip->retry, RETRY_DELAY);
}

static void op_changed(void *host)
{
	struct hgl_irqchip *chip = host;
	u32 vectors[8], masked = 0, pin;

	hg_ioapic_vectors(&chip->ioapic, vectors);
	hgl_apic_set_eoi_vectors(chip, vectors);

	for (pin = 0; pin < HG_IOAPIC_PINS; pin++)
		if (chip->ioapic.s.redir[pin] & HG_IOAPIC_RTE_MASKED)
			masked |= BIT(pin);
	/* The PIT's line is pin 0 or, on a PC, pin 2. */
	if (chip->masked & ~masked & (BIT(0) | BIT(2)))
		chip->pit_unmasked = true;
	chip->masked = masked;
}

static void op_output(void *host, bool level)
{
	if (level)
		hgl_apic_pic_raised(host);
}

static const struct hg_ioapic_ops ioapic_ops = {
	.deliver = op_deliver,
	.defer = op_defer,
	.changed = op_changed,
};

static const struct hg_pic_ops pic_ops = {
	.output = op_output,
};

/* ---- pins and their ends ----------------------------------------------- */

int hgl_irqchip_set_pin(struct hgl_irqchip *chip, u32 which, u32 pin,
			enum hgl_irq_source source, bool level)
{
	unsigned long flags;
	int result;

	spin_lock_irqsave(&chip->vm->irq_lock, flags);
	switch (which) {
	case KVM_IRQCHIP_PIC_MASTER:
		result = hg_pic_set_irq(&chip->pic, pin, source, level);
		break;
	case KVM_IRQCHIP_PIC_SLAVE:
		result = hg_pic_set_irq(&chip->pic, pin + 8, source, level);
		break;
	default:
		result = hg_ioapic_set_irq(&chip->ioapic, pin, source, level);
		break;
	}
	spin_unlock_irqrestore(&chip->vm->irq_lock, flags);
	return result;
}

/* A pin was acknowledged: tell those who wait for it. No locks held. */
static void tell_acked(struct hgl_irqchip *chip, u32 which, u32 pin)
{
	struct hgl_pit *pit = smp_load_acquire(&chip->pit);
	int gsi = hgl_gsi_of_pin(chip->vm, which, pin);

	if (gsi < 0)
		return;
	if (gsi == 0 && pit)
		hgl_pit_line_acked(pit);
	hgl_irqfds_acked(chip->vm, (u32)gsi);
}

static void tell_pic_acked(struct hgl_irqchip *chip, u16 pins)
{
	unsigned long set = pins;
	u32 pin;

	for_each_set_bit(pin, &set, HG_PIC_PINS)
		tell_acked(chip, pin < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
			   pin & 7);
}

int hgl_irqchip_ack_pic(struct hgl_irqchip *chip)
{
	int vector = -1;
	u16 acked;

	spin_lock_irq(&chip->vm->irq_lock);
	if (hg_pic_output(&chip->pic))
		vector = hg_pic_ack(&chip->pic);
	acked = hg_pic_take_acked(&chip->pic);
	spin_unlock_irq(&chip->vm->irq_lock);
	tell_pic_acked(chip, acked);
	return vector;
}

void hgl_irqchip_eoi(struct hgl_irqchip *chip, u8 vector, bool level)
{
	unsigned long pins;
	u32 pin;

	spin_lock_irq(&chip->vm->irq_lock);
	pins = hg_ioapic_eoi_pins(&chip->ioapic, vector, level);
	spin_unlock_irq(&chip->vm->irq_lock);
	if (!pins)
		return;
	for_each_set_bit(pin, &pins, HG_IOAPIC_PINS)
		tell_acked(chip, KVM_IRQCHIP_IOAPIC, pin);
	if (!level)
		return;
	spin_lock_irq(&chip->vm->irq_lock);
	hg_ioapic_eoi(&chip->ioapic, vector, level);
	spin_unlock_irq(&chip->vm->irq_lock);
}

static void retry_work(struct work_struct *work)
{
	struct hgl_irqchip *chip = container_of(to_delayed_work(work), struct hgl_irqchip, retry);
	unsigned long pins;
	u32 pin;

	spin_lock_irq(&chip->vm->irq_lock);
	pins = chip->deferred;
	chip->deferred = 0;
	for_each_set_bit(pin, &pins, HG_IOAPIC_PINS)
		hg_ioapic_retry(&chip->ioapic, pin);
	spin_unlock_irq(&chip->vm->irq_lock);
}

/* ---- accesses ---------------------------------------------------------- */

/* Runs what an access to the I/O APIC has left to do outside the lock. */
static void after_ioapic_write(struct hgl_irqchip *chip, bool pit_unmasked)
{
	struct hgl_pit *pit = smp_load_acquire(&chip->pit);

	if (pit_unmasked && pit)
		hgl_pit_line_unmasked(pit);
}

int hgl_irqchip_mmio(struct hgl_irqchip *chip, u64 addr, u32 len, void *data, bool write)
{
	u64 off = addr - READ_ONCE(chip->ioapic.s.base);
	bool unmasked = false;
	u64 val = 0;

	if (off >= HG_IOAPIC_MMIO_SIZE)
		return -EOPNOTSUPP;
	if (write)
		memcpy(&val, data, min_t(u32, len, sizeof(val)));
	spin_lock_irq(&chip->vm->irq_lock);
	if (write) {
		hg_ioapic_write(&chip->ioapic, (u32)off, len, val);
		unmasked = chip->pit_unmasked;
		chip->pit_unmasked = false;
	} else {
		hg_ioapic_read(&chip->ioapic, (u32)off, len, &val);
	}
	spin_unlock_irq(&chip->vm->irq_lock);
	if (write) {
		after_ioapic_write(chip, unmasked);
		return 0;
	}
	memset(data, 0, len);
	memcpy(data, &val, min_t(u32, len, sizeof(val)));
	return 0;
}

static u8 pic_access(struct hgl_irqchip *chip, u16 port, u8 val, bool write)
{
	u16 acked;

	spin_lock_irq(&chip->vm->irq_lock);
	if (write)
		hg_pic_write(&chip->pic, port, val);
	else
		val = hg_pic_read(&chip->pic, port);
	acked = hg_pic_take_acked(&chip->pic);
	spin_unlock_irq(&chip->vm->irq_lock);
	tell_pic_acked(chip, acked);
	return val;
}

static bool owns_port(struct hgl_irqchip *chip, struct hgl_pit *pit, u16 port)
{
	return hg_pic_owns(port) || (pit && hgl_pit_owns_port(pit, port));
}

static u8 port_access(struct hgl_irqchip *chip, struct hgl_pit *pit, u16 port, u8 val, bool write)
{
	if (hg_pic_owns(port))
		return pic_access(chip, port, val, write);
	if (!write)
		return hgl_pit_port_read(pit, port);
	hgl_pit_port_write(pit, port, val);
	return val;
}

/*
 * The chips have byte-wide ports. A wider access is split as the PC's bus does
 * it; it is ours only if every byte of it is.
 */
int hgl_irqchip_pio(struct hgl_irqchip *chip, u16 port, u32 len, void *data, bool write)
{
	struct hgl_pit *pit = smp_load_acquire(&chip->pit);
	u8 *bytes = data;
	u32 i;

	for (i = 0; i < len; i++)
		if (!owns_port(chip, pit, (u16)(port + i)))
			return -EOPNOTSUPP;
	for (i = 0; i < len; i++) {
		u8 val = port_access(chip, pit, (u16)(port + i), write ? bytes[i] : 0, write);

		if (!write)
			bytes[i] = val;
	}
	return 0;
}

bool hgl_irqchip_has_pic(struct hgl_vm *vm)
{
	struct hgl_irqchip *chip = hgl_irqchip(vm);

	return chip && !chip->split;
}

/* ---- creation ---------------------------------------------------------- */

static struct hgl_irqchip *new_chip(struct hgl_vm *vm)
{
	struct hgl_irqchip *chip = kzalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);

	if (!chip)
		return NULL;
	chip->vm = vm;
	mutex_init(&chip->update);
	INIT_DELAYED_WORK(&chip->retry, retry_work);
	hg_pic_init(&chip->pic, &pic_ops, chip);
	hg_ioapic_init(&chip->ioapic, &ioapic_ops, chip);
	return chip;
}

/*
 * KVM_CREATE_IRQCHIP: -EEXIST, -EINVAL (there are vCPUs already), -ENOMEM.
 * Published last: whoever sees it sees a whole one.
 */
static long create_full(struct hgl_vm *vm)
{
	struct hgl_irqchip *chip;
	long ret;

	mutex_lock(&vm->lock);
	ret = -EEXIST;
	if (vm->irqchip)
		goto unlock;
	ret = -EINVAL;
	if (vm->nr_vcpus)
		goto unlock;
	ret = -ENOMEM;
	chip = new_chip(vm);
	if (!chip)
		goto unlock;
	ret = hgl_routes_set_default(vm);
	if (ret) {
		kfree(chip);
		goto unlock;
	}
	hgl_bus_claim_owned(vm, hg_pic_owns);
	smp_store_release(&vm->irqchip, chip);
unlock:
	mutex_unlock(&vm->lock);
	return ret;
}

/*
 * KVM_CAP_SPLIT_IRQCHIP, args[0] pins of the VMM's own I/O APIC, whose GSIs
 * come first: -EINVAL (too many pins), -EEXIST (controllers or vCPUs), -ENOMEM.
 */
static long create_split(struct hgl_vm *vm, u64 pins)
{
	struct hgl_irqchip *chip;
	long ret;

	if (pins > KVM_IOAPIC_NUM_PINS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	ret = -EEXIST;
	if (vm->irqchip || vm->nr_vcpus)
		goto unlock;
	ret = -ENOMEM;
	chip = new_chip(vm);
	if (!chip)
		goto unlock;
	chip->split = true;
	chip->user_pins = (u32)pins;
	ret = 0;
	smp_store_release(&vm->irqchip, chip);
unlock:
	mutex_unlock(&vm->lock);
	return ret;
}

/* KVM_CAP_X2APIC_API: -EINVAL for unknown flags, or without local APICs. */
static long enable_x2apic_api(struct hgl_vm *vm, u64 flags)
{
	struct hgl_irqchip *chip = hgl_irqchip(vm);

	if ((flags & ~(u64)X2APIC_API_FLAGS) || !chip)
		return -EINVAL;
	if (flags & KVM_X2APIC_API_USE_32BIT_IDS)
		chip->x2apic_32bit = true;
	if (flags & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		chip->no_bcast_quirk = true;
	return 0;
}

long hgl_irqchip_enable_cap(struct hgl_vm *vm, const struct kvm_enable_cap *cap)
{
	switch (cap->cap) {
	case KVM_CAP_SPLIT_IRQCHIP:
		return create_split(vm, cap->args[0]);
	case KVM_CAP_X2APIC_API:
		return enable_x2apic_api(vm, cap->args[0]);
	default:
		return -EINVAL;
	}
}

int hgl_irqchip_vm_init(struct hgl_vm *vm)
{
	int ret = hgl_routes_init(vm);

	if (ret)
		return ret;
	ret = hgl_irqfds_init(vm);
	if (ret)
		goto routes;
	ret = hgl_buses_init(vm);
	if (ret)
		goto irqfds;
	return 0;

irqfds:
	hgl_irqfds_destroy(vm);
routes:
	hgl_routes_destroy(vm);
	return ret;
}

void hgl_irqchip_vm_release(struct hgl_vm *vm)
{
	hgl_irqfds_release(vm);
	hgl_buses_release(vm);
}

void hgl_irqchip_vm_destroy(struct hgl_vm *vm)
{
	struct hgl_irqchip *chip = vm->irqchip;

	if (chip) {
		hgl_pit_destroy(chip);
		cancel_delayed_work_sync(&chip->retry);
		/* No vCPU, no event fd and no timer is left that could read it. */
		kvfree(rcu_dereference_protected(chip->map, true));
		vm->irqchip = NULL;
		kfree(chip);
	}
	hgl_buses_destroy(vm);
	hgl_irqfds_destroy(vm);
	hgl_routes_destroy(vm);
}

/* ---- state ------------------------------------------------------------- */

static long get_irqchip(struct hgl_irqchip *chip, struct kvm_irqchip __user *user)
{
	struct kvm_irqchip state = {};
	long ret = 0;

	if (get_user(state.chip_id, &user->chip_id))
		return -EFAULT;
	spin_lock_irq(&chip->vm->irq_lock);
	switch (state.chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		hg_pic_get_state(&chip->pic, state.chip_id,
				 (struct hg_pic_state *)&state.chip.pic);
		break;
	case KVM_IRQCHIP_IOAPIC:
		hg_ioapic_get_state(&chip->ioapic,
				    (struct hg_ioapic_state *)&state.chip.ioapic);
		break;
	default:
		ret = -EINVAL;
		break;
	}
	spin_unlock_irq(&chip->vm->irq_lock);
	if (!ret && copy_to_user(user, &state, sizeof(state)))
		ret = -EFAULT;
	return ret;
}

static long set_irqchip(struct hgl_irqchip *chip, const struct kvm_irqchip __user *user)
{
	struct kvm_irqchip *state = memdup_user(user, sizeof(*state));
	long ret = 0;

	if (IS_ERR(state))
		return PTR_ERR(state);
	spin_lock_irq(&chip->vm->irq_lock);
	switch (state->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		if (!hg_pic_set_state(&chip->pic, state->chip_id,
				      (struct hg_pic_state *)&state->chip.pic))
			ret = -EINVAL;
		break;
	case KVM_IRQCHIP_IOAPIC:
		hg_ioapic_set_state(&chip->ioapic,
				    (struct hg_ioapic_state *)&state->chip.ioapic);
		break;
	default:
		ret = -EINVAL;
		break;
	}
	spin_unlock_irq(&chip->vm->irq_lock);
	kfree(state);
	return ret;
}

/* ---- ioctls ------------------------------------------------------------ */

/* KVM_IRQ_LINE: -ENXIO without controllers; KVM_IRQ_LINE_STATUS tells what became of it. */
static long irq_line(struct hgl_vm *vm, struct kvm_irq_level __user *user, bool status)
{
	struct kvm_irq_level irq;

	if (copy_from_user(&irq, user, sizeof(irq)))
		return -EFAULT;
	if (!hgl_irqchip(vm))
		return -ENXIO;
	irq.status = hgl_gsi_set(vm, irq.irq, HGL_IRQ_USER, irq.level);
	if (status && copy_to_user(user, &irq, sizeof(irq)))
		return -EFAULT;
	return 0;
}

static long signal_msi(struct hgl_vm *vm, const void __user *user)
{
	struct kvm_msi msi;

	if (copy_from_user(&msi, user, sizeof(msi)))
		return -EFAULT;
	return hgl_msi_send(vm, &msi);
}

static long irqfd(struct hgl_vm *vm, const void __user *user)
{
	struct kvm_irqfd args;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	return hgl_irqfd(vm, &args);
}

static long ioeventfd(struct hgl_vm *vm, const void __user *user)
{
	struct kvm_ioeventfd args;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	return hgl_bus_ioeventfd(vm, &args);
}

static long coalesced(struct hgl_vm *vm, const void __user *user, bool add)
{
	struct kvm_coalesced_mmio_zone zone;

	if (copy_from_user(&zone, user, sizeof(zone)))
		return -EFAULT;
	return add ? hgl_coalesced_register(vm, &zone) : hgl_coalesced_unregister(vm, &zone);
}

/* -ENOENT without PIC and I/O APIC, -EEXIST, -EINVAL (flags), -ENOMEM. */
static long create_pit(struct hgl_vm *vm, u32 flags)
{
	long ret = -ENOENT;

	mutex_lock(&vm->lock);
	if (vm->irqchip && !vm->irqchip->split)
		ret = hgl_pit_create(vm->irqchip, flags);
	mutex_unlock(&vm->lock);
	return ret;
}

static long create_pit2(struct hgl_vm *vm, const void __user *user)
{
	struct kvm_pit_config config;

	if (copy_from_user(&config, user, sizeof(config)))
		return -EFAULT;
	return create_pit(vm, config.flags);
}

/* What needs PIC and I/O APIC: -ENXIO without them. */
static long full_ioctl(struct hgl_vm *vm, unsigned int cmd, unsigned long arg)
{
	struct hgl_irqchip *chip = hgl_irqchip(vm);

	switch (cmd) {
	case KVM_GET_IRQCHIP:
	case KVM_SET_IRQCHIP:
	case KVM_GET_PIT:
	case KVM_SET_PIT:
	case KVM_GET_PIT2:
	case KVM_SET_PIT2:
	case KVM_REINJECT_CONTROL:
		break;
	default:
		return -ENOTTY;
	}
	if (!chip || chip->split)
		return -ENXIO;
	if (cmd == KVM_GET_IRQCHIP)
		return get_irqchip(chip, (void __user *)arg);
	if (cmd == KVM_SET_IRQCHIP)
		return set_irqchip(chip, (void __user *)arg);
	return hgl_pit_ioctl(chip, cmd, arg);
}

long hgl_irqchip_vm_ioctl(struct hgl_vm *vm, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case KVM_CREATE_IRQCHIP:
		return create_full(vm);
	case KVM_CREATE_PIT:
		return create_pit(vm, KVM_PIT_SPEAKER_DUMMY);
	case KVM_CREATE_PIT2:
		return create_pit2(vm, user);
	case KVM_IRQ_LINE:
		return irq_line(vm, user, false);
	case KVM_IRQ_LINE_STATUS:
		return irq_line(vm, user, true);
	case KVM_SET_GSI_ROUTING:
		return hgl_routes_set(vm, user);
	case KVM_SIGNAL_MSI:
		return signal_msi(vm, user);
	case KVM_IRQFD:
		return irqfd(vm, user);
	case KVM_IOEVENTFD:
		return ioeventfd(vm, user);
	case KVM_REGISTER_COALESCED_MMIO:
		return coalesced(vm, user, true);
	case KVM_UNREGISTER_COALESCED_MMIO:
		return coalesced(vm, user, false);
	default:
		return full_ioctl(vm, cmd, arg);
	}
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, under /sys/kernel/tracing/events/hypergpu. Each costs one
 * untaken jump while it is off.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hypergpu

#if !defined(HGL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define HGL_TRACE_H

#include <linux/tracepoint.h>

#include "../core/call.h"
#include "../core/vcpu_page.h"

/* Tools read the numbers behind the names of the exits from the format. */
#define X(name) TRACE_DEFINE_ENUM(HG_EXIT_##name);
HG_EXIT_LIST(X)
#undef X

#ifndef HGL_TRACE_EXIT_NAMES
#define HGL_TRACE_EXIT_NAME(name) { HG_EXIT_##name, #name },
/* The last entry has no comma to spare; it is never met. */
#define HGL_TRACE_EXIT_NAMES	HG_EXIT_LIST(HGL_TRACE_EXIT_NAME) { -1, "none" }
#endif

/* The vCPU is about to enter the guest. */
TRACE_EVENT(hg_entry,
	TP_PROTO(u32 vm, u32 vcpu, u64 rip),
	TP_ARGS(vm, vcpu, rip),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u64, rip)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->rip = rip;
	),
	TP_printk("vm %u vcpu %u rip 0x%llx", __entry->vm, __entry->vcpu, __entry->rip)
);

/* It has left it for @exit (enum hg_exit); @info depends on that. */
TRACE_EVENT(hg_exit,
	TP_PROTO(u32 vm, u32 vcpu, u32 exit, u64 rip, u64 info),
	TP_ARGS(vm, vcpu, exit, rip, info),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, exit)
		__field(u64, rip)
		__field(u64, info)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->exit = exit;
		__entry->rip = rip;
		__entry->info = info;
	),
	TP_printk("vm %u vcpu %u %s rip 0x%llx info 0x%llx", __entry->vm, __entry->vcpu,
		  __print_symbolic(__entry->exit, HGL_TRACE_EXIT_NAMES),
		  __entry->rip, __entry->info)
);

/* A nested fault; @access is HG_NPF_*. */
TRACE_EVENT(hg_fault,
	TP_PROTO(u32 vm, u32 vcpu, u64 gpa, u64 access),
	TP_ARGS(vm, vcpu, gpa, access),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u64, gpa)
		__field(u64, access)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->gpa = gpa;
		__entry->access = access;
	),
	TP_printk("vm %u vcpu %u gpa 0x%llx%s%s%s%s%s", __entry->vm, __entry->vcpu, __entry->gpa,
		  __entry->access & HG_NPF_PRESENT ? " present" : " absent",
		  __entry->access & HG_NPF_WRITE ? " write" : "",
		  __entry->access & HG_NPF_FETCH ? " fetch" : "",
		  __entry->access & HG_NPF_USER ? " user" : "",
		  __entry->access & HG_NPF_TABLE ? " table" : "")
);

/* An event handed to the guest at entry: HG_EVENT(). */
TRACE_EVENT(hg_inject,
	TP_PROTO(u32 vm, u32 vcpu, u32 event, u32 error),
	TP_ARGS(vm, vcpu, event, error),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, event)
		__field(u32, error)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->event = event;
		__entry->error = error;
	),
	TP_printk("vm %u vcpu %u %s vector 0x%x error 0x%x", __entry->vm, __entry->vcpu,
		  __print_symbolic((__entry->event >> 8) & 7,
				   { 0, "irq" }, { 2, "nmi" }, { 3, "exception" }, { 4, "soft" }),
		  __entry->event & 0xff, __entry->error)
);

/* An access to guest-physical memory that is not RAM. */
TRACE_EVENT(hg_mmio,
	TP_PROTO(u32 vm, u32 vcpu, bool write, u64 gpa, u32 len, u64 value),
	TP_ARGS(vm, vcpu, write, gpa, len, value),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, len)
		__field(bool, write)
		__field(u64, gpa)
		__field(u64, value)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->len = len;
		__entry->write = write;
		__entry->gpa = gpa;
		__entry->value = value;
	),
	TP_printk("vm %u vcpu %u %s gpa 0x%llx len %u value 0x%llx", __entry->vm, __entry->vcpu,
		  __entry->write ? "write" : "read", __entry->gpa, __entry->len, __entry->value)
);

/* A port access; @value is that of the first item. */
TRACE_EVENT(hg_pio,
	TP_PROTO(u32 vm, u32 vcpu, bool write, u16 port, u32 size, u32 count, u32 value),
	TP_ARGS(vm, vcpu, write, port, size, count, value),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, size)
		__field(u32, count)
		__field(u32, value)
		__field(u16, port)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->size = size;
		__entry->count = count;
		__entry->value = value;
		__entry->port = port;
		__entry->write = write;
	),
	TP_printk("vm %u vcpu %u %s port 0x%x size %u count %u value 0x%x", __entry->vm,
		  __entry->vcpu, __entry->write ? "out" : "in", __entry->port, __entry->size,
		  __entry->count, __entry->value)
);

/* RDMSR or WRMSR; @fault: the guest gets #GP. */
TRACE_EVENT(hg_msr,
	TP_PROTO(u32 vm, u32 vcpu, bool write, u32 index, u64 value, bool fault),
	TP_ARGS(vm, vcpu, write, index, value, fault),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, index)
		__field(bool, write)
		__field(bool, fault)
		__field(u64, value)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->index = index;
		__entry->write = write;
		__entry->fault = fault;
		__entry->value = value;
	),
	TP_printk("vm %u vcpu %u %s 0x%x value 0x%llx%s", __entry->vm, __entry->vcpu,
		  __entry->write ? "write" : "read", __entry->index, __entry->value,
		  __entry->fault ? " #GP" : "")
);

/* A GSI was driven: @status is APICs reached, 0 coalesced, -1 masked or no route. */
TRACE_EVENT(hg_irq,
	TP_PROTO(u32 vm, u32 gsi, int level, int status),
	TP_ARGS(vm, gsi, level, status),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, gsi)
		__field(int, level)
		__field(int, status)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->gsi = gsi;
		__entry->level = level;
		__entry->status = status;
	),
	TP_printk("vm %u gsi %u level %d status %d", __entry->vm, __entry->gsi, __entry->level,
		  __entry->status)
);

#endif /* HGL_TRACE_H */

/* Found by -I of this directory, which Kbuild gives trace.o. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

/* SPDX-License-Identifier: MIT */
/* Names of codes. Apart from everything, so that firmware that prints none links none. */
#include <nearheap/nearheap.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

const char *nh_version(void)
{
	return NH_VERSION_STRING;
}

const char *nh_status_string(nh_status status)
{
	static const char *const names[NH_ECORRUPT + 1] = {
		[NH_OK] = "ok",
		[NH_EINVAL] = "invalid argument",
		[NH_EALIGN] = "alignment is not a power of two",
		[NH_EWRAP] = "address or size wraps",
		[NH_ESMALL] = "region too small",
		[NH_ERANGE] = "region too large or outside the heap's window",
		[NH_EOVERLAP] = "memory is in use by a heap already",
		[NH_ENOSPC] = "no room for another heap or region",
		[NH_EALREADY] = "initialised already",
		[NH_ENOINIT] = "not initialised",
		[NH_ENOENT] = "no such heap or CPU",
		[NH_ENOTSUP] = "external memory needs control memory elsewhere; a heap's first region goes with it; a retained heap has one",
		[NH_EBUSY] = "another walk took over",
		[NH_ECORRUPT] = "heap is corrupt",
	};
	return (unsigned)status < COUNT(names) ? names[(unsigned)status] : "unknown status";
}

const char *nh_reason_string(nh_reason reason)
{
	static const char *const names[NH_FULL + 1] = {
		[NH_TAKEN] = "taken",
		[NH_NOT_REACHED] = "comes after the one taken",
		[NH_NOT_IN_HEAPS] = "not among the heaps asked for",
		[NH_NO_ATTRIBUTE] = "lacks a required attribute",
		[NH_NOT_ELIGIBLE] = "not for plain requests",
		[NH_FOREIGN] = "local to other CPUs",
		[NH_FULL] = "no free block fits",
	};
	return (unsigned)reason < COUNT(names) ? names[(unsigned)reason] : "unknown reason";
}

const char *nh_retained_string(nh_retained_found found)
{
	static const char *const names[] = {
		[NH_RETAINED_KEPT] = "kept",
		[NH_RETAINED_NONE] = "no record: not retained, never used, or removed",
		[NH_RETAINED_LAYOUT] = "written by another build, or for other memory",
		[NH_RETAINED_RECORD] = "the record is damaged",
		[NH_RETAINED_DAMAGED] = "a block's header is damaged",
	};
	return (unsigned)found < COUNT(names) ? names[(unsigned)found] : "unknown";
}

const char *nh_fault_string(nh_fault_code code)
{
	static const char *const names[(NH_HARDENING >= NH_HARDENING_FULL ? NH_FAULT_CORRUPT : NH_FAULT_BROKEN) + 1] = {
		[NH_FAULT_NONE] = "no fault",
		[NH_FAULT_POINTER] = "pointer to no block of this heap",
		[NH_FAULT_DOUBLE_FREE] = "double free",
		[NH_FAULT_LINK] = "cached block overwritten after free",
		[NH_FAULT_NEIGHBOUR] = "header next to a block overwritten",
		[NH_FAULT_LIST] = "free block overwritten",
		[NH_FAULT_CONTEXT] = "called from a context that cannot be served",
		[NH_FAULT_STUCK] = "a CPU does not let go of a lock or gate",
		[NH_FAULT_BROKEN] = "a CPU was stopped inside a heap, which is out of service",
#if NH_HARDENING >= NH_HARDENING_FULL
		[NH_FAULT_OVERRUN] = "bytes behind a block overwritten",
		[NH_FAULT_WRITTEN] = "freed memory written to",
		[NH_FAULT_CORRUPT] = "damaged metadata found by validate",
#endif
	};
	return (unsigned)code < COUNT(names) ? names[(unsigned)code] : "unknown fault";
}

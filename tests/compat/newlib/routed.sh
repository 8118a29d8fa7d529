#!/bin/sh
# SPDX-License-Identifier: MIT
# Does all of malloc's family in an image belong to nearheap? One function left to the C library's own
# allocator is enough for two of them to free each other's blocks.
#
#   routed.sh MAP              one line per violation; MAP is the linker's (-Map)
#   routed.sh --selftest MAP   MAP is of an image that uses the C library's: violations must be found

set -eu

# Every function that newlib's allocator defines, in any of its two forms.
FAMILY='malloc calloc realloc free reallocarray aligned_alloc memalign posix_memalign valloc pvalloc cfree
malloc_usable_size mallinfo malloc_stats malloc_trim mallopt mstats
_malloc_r _calloc_r _realloc_r _free_r _cfree_r _memalign_r _valloc_r _pvalloc_r _malloc_usable_size_r
_mallinfo_r _malloc_stats_r _malloc_trim_r _mallopt_r _mstats_r'

# check MAP: in a map, ".text.NAME" (on a line of its own if it is long) is followed by address, size
# and object; what was dropped is listed before "Linker script and memory map".
check() {
	awk -v family="$FAMILY" '
	BEGIN { n = split(family, names, " "); for (i = 1; i <= n; i++) member[names[i]] = 1 }
	/^Linker script and memory map/ { placed = 1 }
	!placed { next }
	# Objects of the C library that hold its allocator, whatever of them is used, and its memory.
	/lib(c|g|c_nano|g_nano)\.a\(/ && /(malloc|calloc|realloc|reallocarray|free|malign|valloc|msize|mallinfo|mallstats|mallopt|mstats|mtrim|cfree|aligned_alloc)r?\.o\)/ &&
	!/(freelocale|reallocf)\.o\)/ && $2 !~ /^0x0+$/ && $NF ~ /\.o\)$/ {
		print "linked: " $NF; bad = 1
	}
	$NF ~ /sbrkr?\.o\)$/ { print "linked: " $NF; bad = 1 }
	/^ \.text\.[A-Za-z0-9_]+$/ { section = $1; next }
	/^ \.text\.[A-Za-z0-9_]+ / { section = $1 }
	/^ / && section != "" {
		name = section; sub(/^\.text\./, "", name); section = ""
		if (!(name in member)) next
		if ($NF ~ /libnearheap_newlib\.a\(/) routed[name] = 1
		else { print name " is from " $NF; bad = 1 }
	}
	END {
		if (!placed) { print "no map"; exit 1 }
		if (!("_malloc_r" in routed) || !("_free_r" in routed)) { print "_malloc_r or _free_r is not routed"; bad = 1 }
		exit bad
	}' "$1" | sort -u
}

case ${1-} in
--selftest)
	report=$(check "$2")
	for expected in 'linked: .*malloc.*\.o' 'linked: .*sbrk' '_malloc_r or _free_r is not routed'; do
		printf '%s\n' "$report" | grep -q "$expected" || { echo "not found: $expected, in:"; echo "$report"; exit 1; }
	done
	;;
'' | -*) echo "usage: routed.sh [--selftest] MAP" >&2; exit 2 ;;
*)
	report=$(check "$1")
	[ -z "$report" ] || { printf '%s\n' "$report"; exit 1; }
	;;
esac

#!/bin/sh
# SPDX-License-Identifier: MIT
# What the library's objects need from outside. On a CPU without read-modify-write instructions
# gcc calls __atomic_*, and what answers may not be atomic between cores.
#
#   symbols.sh NM LIBRARY                 one line per symbol that must not be needed
#   symbols.sh --selftest NM CC LIBRARY   adds objects that need such symbols, expects complaints

set -eu

# Three functions of <string.h>, and the compiler's own helpers: calls that the ABI names, and
# arithmetic the CPU has no instruction for.
# ALSO names more of <string.h>, for libraries that do not live without it.
ALLOWED='^('${ALSO:+"$ALSO|"}'(memcpy|memmove|memset|__aeabi_[a-z0-9_]+|__gnu_thumb1_case_[a-z]+|__(clz|ctz|ffs|popcount)[sd]i2|__(mul|div|udiv|mod|umod)[sd]i3))$'

# check NM OBJECT...: what the objects need, none of them defines, and is not allowed.
check() {
	nm=$1
	shift
	"$nm" "$@" | awk -v allowed="$ALLOWED" '
	NF == 3 { defined[$3] = 1; count++ }
	NF == 2 && ($1 == "U" || $1 == "w") { needed[$2] = 1 }
	END {
		if (!count) { print "no symbols found"; exit 1 }
		for (name in needed)
			if (!(name in defined) && name !~ allowed) { print "needs " name; bad = 1 }
		exit bad
	}'
}

# plant SYMBOL SOURCE: an object compiled from SOURCE must be reported for SYMBOL.
plant() {
	printf '%s\n' "$2" | $cc -std=c11 -O2 -ffreestanding -x c -c - -o "$work/planted.o"
	if report=$(check "$nm" "$library" "$work/planted.o"); then
		echo "not found: $1"
		failures=$((failures + 1))
	elif ! printf '%s\n' "$report" | grep -q -x "needs $1"; then
		printf 'found otherwise: %s, got:\n%s\n' "$1" "$report"
		failures=$((failures + 1))
	fi
}

selftest() {
	nm=$1 cc=$2 library=$3 failures=0
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	check "$nm" "$library" >/dev/null || { echo "the library itself has violations"; return 1; }
	plant __atomic_fetch_add_4 '#include <stdatomic.h>
		unsigned f(_Atomic unsigned *w) { return atomic_fetch_add(w, 1); }'
	plant __atomic_compare_exchange_4 '#include <stdatomic.h>
		_Bool f(_Atomic unsigned *w, unsigned *e) { return atomic_compare_exchange_strong(w, e, 1); }'
	plant __sync_fetch_and_add_4 'unsigned f(unsigned *w) { return __sync_fetch_and_add(w, 1); }'
	plant abort '_Noreturn void abort(void); void f(void) { abort(); }'
	plant malloc 'void *malloc(unsigned); void *f(void) { return malloc(8); }'
	plant strlen 'unsigned strlen(const char *); unsigned f(const char *s) { return strlen(s); }'
	plant nh__nowhere 'void nh__nowhere(void); void f(void) { nh__nowhere(); }'
	[ $failures -eq 0 ]
}

case ${1-} in
--selftest) shift; selftest "$@" ;;
'' | -*) echo "usage: symbols.sh [--selftest] NM [CC] LIBRARY" >&2; exit 2 ;;
*) check "$@" ;;
esac

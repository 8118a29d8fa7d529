#!/bin/sh
# SPDX-License-Identifier: MIT
# Who may include whom, and which words core and the public headers do without.
#
#   layers.sh ROOT              checks the sources under ROOT; one line per violation
#   layers.sh --selftest ROOT   plants each kind of violation in a copy and expects it to be found

set -eu

# From the bottom up. A file may include its own layer and those below; .h and .c of one name
# belong together. A core file that is not in this table is a violation. What of arch/ core may
# name at all is listed too: the contract, and one lock that is somebody else's code.
LAYERS='
arch/port
core/atomic core/size core/block core/status core/fault
core/guard
core/tlsf core/tlsf_lists core/tlsf_links core/tlsf_region core/starts core/single
arch/host/lock_ck
core/lock core/gate core/cache
core/heap core/reclaim core/drain
core/instance core/harden core/reserve core/admit core/sweep core/remove core/recover core/retain core/lifecycle
core/select
core/hit core/allocate core/realloc
core/walk core/check core/inspect
core/default
'

# All that a freestanding compiler has, and <string.h>.
CORE_SYSTEM='string.h stdatomic.h stddef.h stdint.h stdbool.h limits.h stdalign.h'
PUBLIC_SYSTEM='stddef.h stdint.h stdbool.h'

# A port serves the core; it knows none of its files, but what ports share. Its system headers are its own business.
PORT_LAYERS='arch/port arch/gate_pair arch/c11 arch/cortex_a'

# Other systems' interfaces, core/compat/NAME and include/compat/NAME, stand on the public headers and
# the contract of the ports; of core they know nothing. Which headers their systems have, they know.
COMPAT_LAYERS='arch/port core/compat/regions/text'

# Which target it is, is the port's business.
TARGET_MACROS='__ARM_|__arm__|__aarch64__|__x86_64__|__i386__|__riscv|__linux__|[^A-Z_]PICO_'
# Sanitizers do not see fences; __sync_ has no order in its name and a library behind it on M0+.
BANNED_WORDS='atomic_thread_fence|atomic_signal_fence|__sync_'

# Prints "line<TAB>text" of a file without its comments and strings; includes keep their names.
strip() {
	awk '
	{
		line = $0; out = ""
		while (line != "") {
			if (comment) {
				i = index(line, "*/")
				if (!i) { line = ""; break }
				line = substr(line, i + 2); comment = 0; out = out " "
				continue
			}
			c = substr(line, 1, 1); two = substr(line, 1, 2)
			if (two == "/*") { comment = 1; line = substr(line, 3) }
			else if (two == "//") break
			else if (c == "\"" && out !~ /^[ \t]*#[ \t]*include/) {
				if (!match(line, /^"([^"\\]|\\.)*"/)) break
				out = out "\"\""; line = substr(line, RLENGTH + 1)
			} else { out = out c; line = substr(line, 2) }
		}
		print NR "\t" out
	}' "$1"
}

# check_file PATH: violations of one file, seen from the root.
check_file() {
	strip "$1" | awk -v file="$1" -v layers="$LAYERS" -v core_system="$CORE_SYSTEM" \
		-v public_system="$PUBLIC_SYSTEM" -v port_layers="$PORT_LAYERS" -v compat_layers="$COMPAT_LAYERS" \
		-v targets="$TARGET_MACROS" -v banned="$BANNED_WORDS" '
	function complain(text) { printf "%s:%s: %s\n", file, at, text }
	function stem(path) { sub(/\.[ch]$/, "", path); return path }
	function words(list, set,    n, i, parts) {
		n = split(list, parts, " ")
		for (i = 1; i <= n; i++) set[parts[i]] = 1
	}
	function core_include(name, kind) {
		if (kind == "<") {
			if (name !~ /^nearheap\// && !(name in core_ok)) complain("core includes <" name ">")
		} else if (!(stem(name) in level)) {
			complain("core includes \"" name "\", which is in no layer")
		} else if (level[stem(name)] > level[self]) {
			complain("\"" name "\" is in a higher layer")
		}
	}
	function compat_include(name, kind) {
		if (kind == "<" && name !~ /^(core|arch)\//) return
		if (kind != "<" && (index(name, folder) == 1 || (stem(name) in compat_ok))) return
		complain("compatibility code includes \"" name "\"")
	}
	function public_include(name, kind) {
		# In C++ the standard headers have no ending, and none is freestanding enough for containers.
		if (kind == "<" && file ~ /\.hpp$/ && name ~ /^[a-z_]+$/) return
		if (kind != "<" || (name !~ /^nearheap\// && !(name in public_ok)))
			complain("public header includes " name)
	}
	function port_include(name, kind) {
		if (kind == "<" || index(name, folder) == 1 || (stem(name) in port_ok)) return
		# arch/port.h is the one place that knows all ports.
		if (self == "arch/port" && name ~ /^arch\//) return
		complain("port includes \"" name "\"")
	}
	BEGIN {
		FS = "\t"; at = 1
		n = split(layers, rows, "\n")
		for (i = 1; i <= n; i++) {
			m = split(rows[i], names, " ")
			for (j = 1; j <= m; j++) level[names[j]] = i
		}
		words(core_system, core_ok); words(public_system, public_ok); words(port_layers, port_ok)
		words(compat_layers, compat_ok)
		self = stem(file); folder = file; sub(/[^\/]*$/, "", folder)
		core = file ~ /^core\//; public = file ~ /^include\//; compat = file ~ /^(core|include)\/compat\//
		if (core && !compat && !(self in level)) complain("in no layer: add it to tests/layers.sh")
	}
	{ at = $1; text = substr($0, length($1) + 2) }
	text ~ /^[ \t]*#[ \t]*include/ {
		name = text; sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
		kind = substr(name, 1, 1)
		if (kind != "<" && kind != "\"") next   # a macro: NH_CONFIG_FILE
		sub(/^./, "", name); sub(/[>"].*$/, "", name)
		if (compat) compat_include(name, kind)
		else if (core) core_include(name, kind)
		else if (public) public_include(name, kind)
		else port_include(name, kind)
		next
	}
	# A conditional may go on over several lines.
	text ~ /^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)/ { conditional = 1 }
	(core || public) && conditional && text ~ targets { complain("tests a target macro") }
	(core || public) && text ~ banned { complain("uses a banned word: " text) }
	{ conditional = conditional && text ~ /\\[ \t]*$/ }
	'
}

check_tree() {
	found=$(
		cd "$1"
		find arch core include -name '*.[ch]' -o -name '*.[ch]pp' | LC_ALL=C sort | while read -r file; do check_file "$file"; done
	)
	[ -z "$found" ] || { printf '%s\n' "$found"; return 1; }
}

# What check_file says of one file of the copy.
look_at() { (cd "$copy" && check_file "$1"); }

# plant FILE TEXT EXPECTED: with TEXT at the end of FILE, a line with EXPECTED must be reported.
plant() {
	mkdir -p "$copy/$(dirname "$1")"
	had=no
	if [ -f "$copy/$1" ]; then had=yes; cp "$copy/$1" "$copy.saved"; fi
	printf '%s\n' "$2" >>"$copy/$1"
	report=$(look_at "$1")
	if [ -z "$report" ]; then
		echo "not found: '$2' in $1"
		failures=$((failures + 1))
	elif ! printf '%s\n' "$report" | grep -F -q "$1" || ! printf '%s\n' "$report" | grep -F -q "$3"; then
		printf 'found otherwise: %s in %s, expected %s, got:\n%s\n' "'$2'" "$1" "'$3'" "$report"
		failures=$((failures + 1))
	fi
	if [ $had = yes ]; then mv "$copy.saved" "$copy/$1"; else rm "$copy/$1"; fi
}

# harmless FILE TEXT: nothing may be reported.
harmless() {
	cp "$copy/$1" "$copy.saved"
	printf '%s\n' "$2" >>"$copy/$1"
	report=$(look_at "$1")
	if [ -n "$report" ]; then
		printf 'a false alarm for %s:\n%s\n' "'$2'" "$report"
		failures=$((failures + 1))
	fi
	mv "$copy.saved" "$copy/$1"
}

selftest() {
	copy=$(mktemp -d)
	trap 'rm -rf "$copy" "$copy.saved"' EXIT
	cp -R "$1/arch" "$1/core" "$1/include" "$copy"
	check_tree "$copy" >/dev/null || { echo "the tree itself has violations"; return 1; }
	failures=0
	# Once through the whole tree, then file by file.
	printf '#include "core/heap.h"\n' >"$copy/core/size.c"
	if check_tree "$copy" >/dev/null; then echo "not found in the tree"; failures=1; fi
	rm "$copy/core/size.c"
	plant core/tlsf.h '#include "core/heap.h"' 'higher layer'
	plant core/tlsf.h '  #  include "core/default.h"' 'higher layer'
	plant core/tlsf.h '#include "tests/support/env.h"' 'in no layer'
	plant core/tlsf.h '#include "arch/host/port_host.h"' 'in no layer'
	plant core/tlsf.h '#include <stdio.h>' 'core includes <stdio.h>'
	plant core/unheard_of.h 'int x;' 'in no layer'
	plant core/tlsf.h '#ifdef __linux__' 'target macro'
	plant core/tlsf.h "#if 1 && \\
    defined(__ARM_ARCH)" 'target macro'
	plant core/tlsf.h '#elif defined(PICO_BOARD)' 'target macro'
	plant core/tlsf.h 'void f(void) { atomic_thread_fence(5); }' 'banned word'
	plant core/tlsf.h 'void f(void) { __sync_synchronize(); }' 'banned word'
	plant include/nearheap/nearheap.h '#include <stdatomic.h>' 'public header'
	plant include/nearheap/nearheap.h '#include "core/tlsf.h"' 'public header'
	plant include/nearheap/nearheap.h '#if defined(__x86_64__)' 'target macro'
	plant arch/host/port_host.h '#include "core/tlsf.h"' 'port includes'
	plant arch/host/port_host.h '#include "arch/rp2040/port_rp2040.h"' 'port includes'
	plant core/compat/any/any.c '#include "core/tlsf.h"' 'compatibility code includes'
	plant core/compat/any/any.c '#include "core/compat/other/other.h"' 'compatibility code includes'
	plant include/compat/any/any.h '#include "core/tlsf.h"' 'compatibility code includes'
	plant core/compat/any/any.cpp '#include <core/tlsf.h>' 'compatibility code includes'
	plant include/compat/any/any.h '#include <arch/port.h>' 'compatibility code includes'
	plant include/nearheap/any.hpp '#include <unistd.h>' 'public header'
	plant include/nearheap/any.hpp '#include "core/tlsf.h"' 'public header'
	plant core/compat/any/any.c '#ifdef __linux__' 'target macro'
	mkdir -p "$copy/core/compat/any"
	: >"$copy/core/compat/any/any.c"
	harmless core/compat/any/any.c '#include "core/compat/any/own.h"
#include "arch/port.h"
#include <zephyr/sys/sys_heap.h>'
	harmless core/tlsf.h '/* never atomic_thread_fence,
#include "core/heap.h" or __sync_ */'
	harmless core/tlsf.h '// #ifdef __linux__'
	harmless core/tlsf.h '#include "core/block.h" /* lower */'
	harmless core/tlsf.h 'static const char *w = "atomic_thread_fence /* \" ";'
	[ $failures -eq 0 ]
}

case ${1-} in
--selftest) selftest "$2" ;;
'' | -*) echo "usage: layers.sh [--selftest] ROOT" >&2; exit 2 ;;
*) check_tree "$1" ;;
esac
